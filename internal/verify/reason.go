package verify

import "unicode/utf8"

// The reasons of a verdict, beside those of the packages that judge. They are
// stable: funnels and dashboards group by them (docs/verifiers.md lists all).
const (
	ReasonNoVerifier      = "no-verifier"                // unverified: nothing can judge this row
	ReasonUnknownVerifier = "unknown-verifier"           // unverified: a name this version does not know
	ReasonGoldMissing     = "gold-missing"               // unverified
	ReasonGoldUnparsable  = "gold-unparsable"            // unverified
	ReasonFault           = "verifier-fault"             // unverified: the judge itself failed
	ReasonMalformed       = "malformed-item"             // unverified: the item is not what the contract says
	ReasonNoOpinion       = "second-opinion-unavailable" // unverified: it takes math-verify or reasoning-gym, and none is there
	ReasonNoSandbox       = "sandbox-unavailable"        // unverified: there is nothing to run programs in
	ReasonTimeout         = "timeout"                    // unverified: the item's time is over

	ReasonUnfinished = "unfinished-thinking" // wrong: the thinking never ended
	ReasonNoAnswer   = "no-answer"           // wrong
	ReasonUnparsable = "answer-unparsable"   // wrong
	ReasonAmbiguous  = "answer-ambiguous"    // wrong: more than one option given
)

// lasting says of a reason of unverified that asking again changes nothing: it
// is in the item, and no outage.
func lasting(reason string) bool {
	switch reason {
	case ReasonNoVerifier, ReasonUnknownVerifier, ReasonGoldMissing, ReasonGoldUnparsable, ReasonMalformed,
		"no-tests", "tests-malformed", "checker-unsupported", "language-unsupported", "unknown-family", "tokens-missing", "no-thinking":
		return true
	}
	return false
}

const (
	maxReportedAnswer = 200  // bytes of an answer that a verdict repeats
	maxAnswer         = 4096 // bytes; longer answers are unparsable, which bounds the work
)

// clip bounds what a verdict repeats of its input.
func clip(s string) string {
	if len(s) <= maxReportedAnswer {
		return s
	}
	cut := maxReportedAnswer
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}
