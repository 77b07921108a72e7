package activities

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"testing"

	"go.temporal.io/sdk/temporal"

	"github.com/r1ctl/r1ctl/internal/chat"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/tasks"
)

// Every spec says how the attempts before it ended, whoever knows it: the result,
// or for one that left none the workflow.
func TestASpecCountsHowTheAttemptsBeforeItEnded(t *testing.T) {
	w := newWorld(t)
	w.compute(t)
	prepare := func(after int, class r1.Class) map[r1.Class]int {
		t.Helper()
		in := tasks.PrepareInput{JobRef: w.ref("sft"), After: after, Class: class}
		if _, err := w.env.ExecuteActivity(tasks.PrepareAttempt, in); err != nil {
			t.Fatal(err)
		}
		var spec r1.Spec
		if err := w.store.GetJSON(context.Background(), specKey(w.ref("sft"), after+1), &spec); err != nil {
			t.Fatal(err)
		}
		return spec.Ends
	}
	if got := prepare(0, ""); len(got) != 0 {
		t.Errorf("before the first: %v", got)
	}
	w.finish(t, 1, r1.Result{Outcome: r1.Preempted, Class: r1.ClassPreempted})
	if got := prepare(1, r1.ClassPreempted); !maps.Equal(got, map[r1.Class]int{r1.ClassPreempted: 1}) {
		t.Errorf("after a preemption: %v", got)
	}
	w.finish(t, 2, r1.Result{Outcome: r1.Failed, Class: r1.ClassProgram})
	if got := prepare(2, ""); !maps.Equal(got, map[r1.Class]int{r1.ClassPreempted: 1, r1.ClassProgram: 1}) {
		t.Errorf("after a resume, which forgets the class: %v", got)
	}
	if got := prepare(3, r1.ClassInfrastructure); !maps.Equal(got, map[r1.Class]int{r1.ClassPreempted: 1, r1.ClassProgram: 1, r1.ClassInfrastructure: 1}) {
		t.Errorf("after one that left no result: %v", got)
	}
}

// An endpoint that is away comes back; one that refuses the key wants a person.
func TestOutagesOfEndpointsAreTriedAgain(t *testing.T) {
	for class, again := range map[r1.Class]bool{r1.ClassInfrastructure: true, r1.ClassConfig: false} {
		err := classify(fmt.Errorf("curate: %w", &chat.Failure{Class: class, Err: &r1.Error{Name: "endpoint", Detail: "d", Remedy: "r"}}))
		var app *temporal.ApplicationError
		if permanent := errors.As(err, &app) && app.NonRetryable(); permanent == again {
			t.Errorf("%s: %v", class, err)
		}
	}
}
