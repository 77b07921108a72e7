// Package hub reads data sets of the Hugging Face Hub, or of any server that
// speaks its tree and resolve API: the addresses hf://org/name, the commit that a
// revision stands for, the files of a split, the licence of the card, and the
// bytes, which are checked against the digest that the tree gives.
//
// A file streams: nothing is written here. A connection that breaks is taken up
// where it broke. Files that the Hub's own client has in its cache are read from
// there, and with HF_HUB_OFFLINE nothing else is. The token goes to the endpoint
// alone, never to where it redirects.
//
// What does not live here: rows (internal/curate), models (the trainer).
package hub
