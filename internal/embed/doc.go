// Package embed turns texts into vectors by a model behind an OpenAI-compatible
// endpoint. A vector is on disk (Store) by the digest of what was asked before
// anything else is done with it, so no text is paid for twice on one machine.
//
// How an endpoint is spoken to is package chat's matter; what is done with vectors
// that of package curate.
package embed
