package r1

import "fmt"

// The proof that a trainer did what it was told: it began where it should, its
// place in the data moved on, and its steps then rose. The agent asks for it
// while the trainer runs, the controller before it commits.

// ProveBeginning says what is wrong with where a trainer began. One that does not
// begin where it was told to trains another model.
func ProveBeginning(s *Spec, at Beginning) *Error {
	switch {
	case s.Resume == nil && at.Resumed:
		return &Error{Name: "nothing-to-resume", Detail: fmt.Sprintf("the trainer says that it resumed from step %d, and it was given no checkpoint", at.Step),
			Remedy: "mend the trainer: with resume null in job.json it starts afresh and says start"}
	case s.Resume == nil && at.Step != s.FromStep:
		return &Error{Name: "start-step-mismatch", Detail: fmt.Sprintf("the job covers the steps after %d, and the trainer started at step %d", s.FromStep, at.Step),
			Remedy: "mend the trainer: it continues from from_step, with the state it is given as an input"}
	case s.Resume == nil:
		return nil
	case !at.Resumed:
		return &Error{Name: "resume-ignored", Detail: fmt.Sprintf("asked to resume from step %d, the trainer started afresh at step %d", s.Resume.Step, at.Step),
			Remedy: "mend the trainer: it loads the checkpoint that job.json names in resume, and says resume"}
	case at.Step != s.Resume.Step:
		return &Error{Name: "resume-step-mismatch", Detail: fmt.Sprintf("asked to resume from step %d, the trainer restored step %d", s.Resume.Step, at.Step),
			Remedy: "mend the trainer: what it restores is the checkpoint that job.json names in resume"}
	case s.Resume.Step > s.FromStep && at.Cursor <= 0:
		return &Error{Name: "cursor-stalled", Detail: fmt.Sprintf("the trainer restored step %d, and with it no place in the data: it would see the same data again", at.Step),
			Remedy: "mend the trainer: a checkpoint holds the data cursor, and the resume line says it"}
	}
	for _, e := range s.Earlier { // more steps mean more data consumed; a roll-back goes back in both
		if e.Step < at.Step && e.Cursor >= at.Cursor || e.Step > at.Step && e.Cursor <= at.Cursor {
			return &Error{Name: "cursor-stalled", Detail: fmt.Sprintf("the trainer restored step %d at row %d of the data, and an earlier attempt began at step %d with row %d", at.Step, at.Cursor, e.Step, e.Cursor),
				Remedy: "mend the trainer: a checkpoint holds the data cursor, and the resume line says it"}
		}
	}
	return nil
}

// ProveProgress doubts a success: was anything done? Step is the last one reached,
// total what the trainer meant to reach, as far as it said so.
func ProveProgress(s *Spec, began *Beginning, step, total int) *Error {
	from, to := s.FromStep, max(s.ToStep, total)
	if s.Resume != nil {
		from = s.Resume.Step
		if began == nil {
			return &Error{Name: "resume-ignored", Detail: fmt.Sprintf("asked to resume from step %d, the trainer never said what it restored", from),
				Remedy: "mend the trainer: its first line of metrics says resume, with the step and data cursor it restored"}
		}
	}
	if from < to && step <= from {
		return &Error{Name: "nothing-trained", Detail: fmt.Sprintf("it ended well, but nothing was done after step %d of %d", from, to),
			Remedy: "see the attempt's log (r1ctl logs): the trainer ended without a step line"}
	}
	return nil
}
