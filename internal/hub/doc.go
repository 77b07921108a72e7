// Package hub reads data sets and models of the Hugging Face Hub and writes to it, or to any
// server that speaks its API. Of reading it knows the addresses hf://org/name, the commit
// that a revision stands for, the files of a split, the licence of the card, and the bytes,
// which are checked against the digest that the tree gives.
//
// A file streams; Fetch alone writes one, and goes on with what an earlier call left of it.
// A connection that breaks is taken up where it broke. Files that the Hub's own client has in its cache are read from
// there, and with HF_HUB_OFFLINE nothing else is. The token goes to the endpoint
// alone, never to where it redirects.
//
// A push makes a branch hold files by one commit on top of the one that it was compared
// with: bytes by digest to the LFS storage, then the commit. It may be repeated after any
// interruption.
//
// What does not live here: rows (internal/curate), what a model means (internal/adopt, the trainer).
package hub
