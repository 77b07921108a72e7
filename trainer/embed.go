// Package trainer carries the trainer's Python source and its locked
// requirements inside the binary: those to train with, and those of vLLM. The tests stay outside, and there is no
// other Go here.
package trainer

import "embed"

// Source holds requirements.lock and the package r1trainer. Bytecode of a
// developer's tree may be among it: who extracts it leaves that out.
//
// "all:" because names such as __init__.py are left out otherwise.
//
//go:embed requirements.lock requirements-vllm.lock all:r1trainer
var Source embed.FS
