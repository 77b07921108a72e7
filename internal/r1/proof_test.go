package r1

import "testing"

func name(e *Error) string {
	if e == nil {
		return ""
	}
	return e.Name
}

func TestProveBeginning(t *testing.T) {
	fresh, phase := &Spec{ToStep: 9}, &Spec{FromStep: 40, ToStep: 80}
	resuming := &Spec{ToStep: 9, Resume: &Checkpoint{Step: 4}}
	resumingPhase := &Spec{FromStep: 40, ToStep: 80, Resume: &Checkpoint{Step: 40}}
	for what, c := range map[string]struct {
		spec *Spec
		at   Beginning
		want string
	}{
		"started":                       {fresh, Beginning{}, ""},
		"started elsewhere":             {fresh, Beginning{Step: 1}, "start-step-mismatch"},
		"resumed from nothing":          {fresh, Beginning{Resumed: true, Step: 0}, "nothing-to-resume"},
		"phase went on":                 {phase, Beginning{Step: 40}, ""},
		"phase began anew":              {phase, Beginning{}, "start-step-mismatch"},
		"resumed":                       {resuming, Beginning{Resumed: true, Step: 4, Cursor: 64}, ""},
		"started afresh":                {resuming, Beginning{}, "resume-ignored"},
		"started afresh at the step":    {resuming, Beginning{Step: 4, Cursor: 64}, "resume-ignored"},
		"resumed an earlier step":       {resuming, Beginning{Resumed: true, Step: 3, Cursor: 48}, "resume-step-mismatch"},
		"resumed a later step":          {resuming, Beginning{Resumed: true, Step: 5, Cursor: 80}, "resume-step-mismatch"},
		"resumed the weights only":      {resuming, Beginning{Resumed: true, Step: 4}, "cursor-stalled"},
		"resumed before the first step": {resumingPhase, Beginning{Resumed: true, Step: 40}, ""},
	} {
		if got := name(ProveBeginning(c.spec, c.at)); got != c.want {
			t.Errorf("%s: %q, want %q", what, got, c.want)
		}
	}
}

func TestTheCursorMovesOn(t *testing.T) {
	at := Beginning{Resumed: true, Step: 40, Cursor: 640}
	for what, c := range map[string]struct {
		earlier []Beginning
		want    string
	}{
		"nobody before":             {nil, ""},
		"moved on":                  {[]Beginning{{Step: 0}, {Step: 20, Cursor: 320}}, ""},
		"the same checkpoint again": {[]Beginning{{Step: 40, Cursor: 640}}, ""},
		"stood still":               {[]Beginning{{Step: 0}, {Step: 20, Cursor: 640}}, "cursor-stalled"},
		"went back":                 {[]Beginning{{Step: 20, Cursor: 700}}, "cursor-stalled"},
		"rolled back":               {[]Beginning{{Step: 60, Cursor: 960}}, ""},
		"rolled back in steps only": {[]Beginning{{Step: 60, Cursor: 640}}, "cursor-stalled"},
		"back, and on in the data":  {[]Beginning{{Step: 60, Cursor: 600}}, "cursor-stalled"},
	} {
		if got := name(ProveBeginning(&Spec{ToStep: 80, Resume: &Checkpoint{Step: 40}, Earlier: c.earlier}, at)); got != c.want {
			t.Errorf("%s: %q, want %q", what, got, c.want)
		}
	}
}

func TestProveProgress(t *testing.T) {
	for what, c := range map[string]struct {
		spec        *Spec
		began       *Beginning
		step, total int
		want        string
	}{
		"trained":                       {&Spec{ToStep: 9}, &Beginning{}, 9, 9, ""},
		"trained nothing":               {&Spec{ToStep: 9}, &Beginning{}, 0, 9, "nothing-trained"},
		"trained nothing of a phase":    {&Spec{FromStep: 40, ToStep: 80}, &Beginning{Step: 40}, 40, 80, "nothing-trained"},
		"has no steps":                  {&Spec{}, nil, 0, 0, ""},
		"did nothing of what it meant":  {&Spec{}, &Beginning{}, 0, 48, "nothing-trained"},
		"went on":                       {&Spec{Resume: &Checkpoint{Step: 4}}, &Beginning{Step: 4}, 9, 9, ""},
		"idle after resuming":           {&Spec{Resume: &Checkpoint{Step: 4}}, &Beginning{Step: 4}, 4, 9, "nothing-trained"},
		"resumed when all was done":     {&Spec{ToStep: 9, Resume: &Checkpoint{Step: 9}}, &Beginning{Step: 9}, 9, 9, ""},
		"never said that it resumed it": {&Spec{ToStep: 9, Resume: &Checkpoint{Step: 4}}, nil, 9, 9, "resume-ignored"},
	} {
		if got := name(ProveProgress(c.spec, c.began, c.step, c.total)); got != c.want {
			t.Errorf("%s: %q, want %q", what, got, c.want)
		}
	}
}
