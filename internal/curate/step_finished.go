package curate

// finished drops responses that did not end by themselves: finish is not "stop".
//
// Reason: the finish, such as "length" (cut at max_tokens).
type finished struct{ noParams }

func finishedDef() StepDef {
	return StepDef{Name: "finished", Doc: "drop responses cut at max_tokens", decode: decodeInto(finished{})}
}

func (finished) needs() []string { return []string{"finish"} }

func (finished) apply(r *row) string {
	switch r.finish {
	case "stop":
		return ""
	case "":
		return "unknown"
	}
	return r.finish
}
