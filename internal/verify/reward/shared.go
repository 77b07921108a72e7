package reward

import "strings"

func least(v float64) *float64 { return &v }

func compat() Param {
	return Param{Name: Compat, Type: Text, Choices: []string{OpenR1}, Doc: "upstream's rule as it is, defects included"}
}

func prefilled() Param {
	return Param{Name: "prefilled", Type: Flag, Ours: true, Doc: "the prompt ended with `<think>`, so the completion lacks it (default false)"}
}

func isBlank(s string) bool { return strings.TrimSpace(s) == "" }

func isASCIILetter(b byte) bool { return b|0x20 >= 'a' && b|0x20 <= 'z' }
