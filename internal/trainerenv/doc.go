// Package trainerenv makes the trainer's Python environment: a virtual
// environment with the packages of requirements.lock, and the trainer's source,
// both below the user's cache and keyed by their digests.
//
//	<cache>/trainer/<lock digest>/py3.11/            the virtual environment
//	<cache>/trainer/<lock digest>/py3.11/COMPLETE    written last; without it the rest counts for nothing
//	<cache>/trainer/<lock digest>/py3.11.log         what the last installation printed
//	<cache>/trainer/setup.lock                       held while an installation runs
//	<cache>/source/<source digest>/r1trainer/        the trainer's source
//
// Packages come from wherever the user's pip is configured to look, or from a
// folder of wheels; no index is named here. What runs inside the environment is
// the business of the launchers.
package trainerenv
