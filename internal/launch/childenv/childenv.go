// Package childenv makes the environment of processes that must not inherit
// everything: what a program needs to run on a machine, and no secrets.
package childenv

import (
	"os"
	"strings"
)

// passed names the variables a child needs to work on this machine. None of
// them holds a secret. A new one is added here, with its reason in mind.
var passed = map[string]bool{
	"PATH": true, "HOME": true, "USER": true, "LOGNAME": true, "SHELL": true, "TZ": true, "LANG": true, "LANGUAGE": true,
	"TMPDIR": true, "XDG_CACHE_HOME": true, "XDG_RUNTIME_DIR": true,
	"SSL_CERT_FILE": true, "SSL_CERT_DIR": true, "REQUESTS_CA_BUNDLE": true, "CURL_CA_BUNDLE": true, "AWS_CA_BUNDLE": true,
	"HF_HOME": true, "HF_HUB_CACHE": true, "HF_ENDPOINT": true, "HF_HUB_OFFLINE": true,
	"LD_LIBRARY_PATH": true, "CUDA_HOME": true, "CUDA_VISIBLE_DEVICES": true, "NVIDIA_VISIBLE_DEVICES": true,
	AttemptDir:   true, // whatever an attempt starts can be found by it, however far from its agent
	"http_proxy": true, "https_proxy": true, "no_proxy": true, "HTTP_PROXY": true, "HTTPS_PROXY": true, "NO_PROXY": true,
}

// Clean returns the variables of this process that a child may have, and then
// extra (KEY=VALUE), which wins. A proxy address with a password in it is left out.
func Clean(extra ...string) []string {
	var env []string
	for _, kv := range os.Environ() {
		name, value, _ := strings.Cut(kv, "=")
		if !passed[name] && !strings.HasPrefix(name, "LC_") {
			continue
		}
		if strings.HasSuffix(strings.ToLower(name), "_proxy") && strings.Contains(value, "@") {
			continue
		}
		env = append(env, kv)
	}
	return append(env, extra...)
}

// AttemptDir names the variable that marks every process of a local attempt
// with the attempt's folder: the launcher sets it, the agent hands it on, and
// whatever is left of a dead attempt is found by it.
const AttemptDir = "R1CTL_ATTEMPT_DIR"

// Allocated names the variable in which a launcher tells the agent since when
// the machine is the attempt's, in RFC 3339: the walltime counts from then.
const Allocated = "R1CTL_ALLOCATED"

// TrainerDir names the variable that marks every process of a trainer with its
// working folder: what leaves the trainer's process group is found by it.
const TrainerDir = "R1CTL_TRAINER_DIR"
