// Package retention removes what nobody needs from the bucket, and says why.
//
// It knows three sorts of things: the artifacts of runs, the checkpoints of jobs,
// and what attempts that came to nothing left behind. Records stay: the frozen run,
// commits, metrics and logs are small, and tell what a run was long after its
// bytes are gone. Only objects below the prefixes of indexed runs are looked at,
// and of these only those that r1ctl wrote (their metadata says so).
//
// Survey decides, and reads only. What it keeps: whatever a commit names that no
// rule gives up, in whichever run; whatever such an artifact or a kept checkpoint
// points to, because equal files are stored once; everything that a run that is
// not over has committed, or may still reuse (an equal fingerprint in its plan),
// and what its attempts write.
//
// Sweep says first what will go (artifact.Doomed), surveys once more, and removes
// what is then still not needed. Whoever starts to depend on something announces
// that first and looks for what is doomed second, so whichever of the two comes
// first, the other one sees it: there is no time that has to pass. Killed
// anywhere, it leaves artifacts without a manifest, which nobody takes for whole,
// and the next call goes on.
package retention
