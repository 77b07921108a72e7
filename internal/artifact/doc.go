// Package artifact is the store: everything r1ctl keeps in S3 goes through it.
// It holds small JSON records (plain, conditional, compare-and-swap), artifacts
// (folders described by a manifest that is written last), checkpoints, and the
// commits that say a job is done.
//
// Guarantees, whatever is killed at whatever line:
//
//   - A manifest exists only after every byte it names is stored. Each PUT is signed
//     with the sha256 the manifest will carry, so the server refuses other bytes.
//   - Repeating any call is safe, and an upload or download that was cut off skips
//     the files that are already whole.
//   - Whatever is read through a manifest is checked against its digests; a
//     mismatch is the error artifact-corrupt, never silent.
//   - One writer wins a conditional write, and a winner whose reply was lost
//     learns on repeating that it won.
//
// A file of at least Config.DedupMin bytes whose bytes are already stored by
// another artifact is not stored again: the manifest points to that object.
// Smaller files are always copied, so that any S3 client finds small artifacts
// whole below their readable prefix. Hence two rules for whoever deletes: delete
// what lies below a prefix (FilesUnder), never the keys a manifest names, and
// delete below an artifact's prefix only when no other manifest points there.
// Checkpoints come and go, so they may point to artifacts but are never pointed to.
//
// Errors never hold secrets. IsUnavailable tells an outage from an answer.
// Launchers, trainers and workflow logic are not known here.
package artifact
