package agent

import "github.com/r1ctl/r1ctl/internal/r1"

// diverged is the error of a training that a guard has ended. A guard of
// docs/job-contract.md gives its name to the error; what another trainer looks
// for besides is quoted with its type.
func diverged(guard, message, quoted string) *r1.Error {
	switch guard {
	case "nan":
		return &r1.Error{Name: "nan", Detail: message,
			Remedy: "lower learning_rate or max_grad_norm, or raise warmup_steps; the metrics of the last steps show how it began"}
	case "constant-reward":
		return &r1.Error{Name: "constant-reward", Detail: message,
			Remedy: "look at an example response (r1ctl logs): a reward that stays at 0 most often asks for another style than the template does, or for tokens that max_tokens does not leave room for"}
	case "zero-variance":
		return &r1.Error{Name: "zero-variance", Detail: message,
			Remedy: "choose questions of middling difficulty (curate's pass-rate), or raise group_size or temperature; where all is learnt, lower steps"}
	case "reward-collapse":
		return &r1.Error{Name: "reward-collapse", Detail: message,
			Remedy: "lower learning_rate, or raise kl_beta or questions_per_step"}
	case "kl":
		return &r1.Error{Name: "kl", Detail: message,
			Remedy: "lower learning_rate, or raise kl_beta; a shorter reference_refresh_steps brings the reference after the policy"}
	case "length":
		return &r1.Error{Name: "length", Detail: message,
			Remedy: "raise max_tokens where responses are cut before they are done; where they ramble, lower learning_rate or use loss dr_grpo, which does not favour long wrong responses"}
	case "loss":
		return &r1.Error{Name: "loss", Detail: message,
			Remedy: "lower learning_rate, or raise warmup_steps"}
	default:
		return &r1.Error{Name: "diverged", Detail: quoted,
			Remedy: "lower learning_rate, or raise warmup_steps or kl_beta; the metrics of the last steps show how it began"}
	}
}
