// Package publish brings an artifact out of the store: to a folder, to a prefix in S3, or
// to a repo on the Hugging Face Hub, as a Hugging Face folder with its card, its in-toto
// provenance and a marker that says who published what.
//
// The marker makes a publication whole. A folder appears by one rename, a prefix gets its
// marker last, a repo gets everything by one commit. So publishing may be cut off anywhere
// and repeated, and it is known whose is what is there: what r1ctl did not publish is
// never touched, unless a stage says replace of a repo. Then a commit lies over it, and
// deletes nothing.
//
// What does not live here: what the card says (internal/provenance), the Hub's protocol
// (internal/hub).
package publish
