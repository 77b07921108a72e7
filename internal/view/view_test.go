package view

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/r1ctl/r1ctl/internal/golden"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/runs"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func ago(seconds int) time.Time { return noon.Add(-time.Duration(seconds) * time.Second) }

func doneStage(name string, kind r1.Kind, ended int, metrics map[string]float64) runs.Stage {
	return runs.Stage{
		Name: name, Kind: kind, State: r1.RunCompleted, Attempts: 1, Started: ago(ended + 32), Ended: ago(ended), Seconds: 31.84,
		Metrics: metrics, Jobs: []runs.Job{{Name: r1.MainJob, State: r1.RunCompleted, Attempts: 1}},
	}
}

// halfway is a run in the middle of everything: RL in its second phase after a
// lost node, an evaluation, two students, a job that waits.
func halfway() *runs.Status {
	reused := doneStage("base", r1.KindBase, 590, nil)
	reused.Reused, reused.Seconds = true, 0
	reused.Jobs[0].ReusedFrom = "full-r1-1101-aaaa/base/main"
	curated := doneStage("rl-prompts", r1.KindCurate, 588, map[string]float64{"rows": 640})
	curated.Jobs[0].Funnel = &r1.Funnel{In: 700, Kept: 640}
	running := func(name string, kind r1.Kind, jobs ...runs.Job) runs.Stage {
		return runs.Stage{Name: name, Kind: kind, State: r1.RunRunning, Started: ago(100), Seconds: 100, Jobs: jobs}
	}
	return &runs.Status{
		Run: "full-r1-1123-k7q2", Recipe: "full-r1", Profile: "laptop", State: r1.RunRunning, Started: ago(600), Seconds: 600,
		Stages: []runs.Stage{
			reused, curated,
			doneStage("eval-base", r1.KindEvaluate, 500, map[string]float64{"pass@1": 0.3125, "cons@k": 0.405, "format": 0.996, "tokens": 16.1}),
			running("zero", r1.KindGRPO,
				runs.Job{Name: "phase-01", State: r1.RunCompleted, Attempts: 1, Step: 80, Total: 80},
				runs.Job{
					Name: "phase-02", State: r1.RunRunning, Attempts: 2, Step: 120, Total: 160, Phase: "train", Heartbeat: ago(2),
					Rate: 0.4, ETA: 100, Values: map[string]float64{"reward": 1.8349, "accuracy": 0.84, "tokens": 25.66, "kl": 0.01},
					Usage: &r1.Usage{CPUs: 1.93, MemoryBytes: 812 << 20},
					Text: map[string]string{
						"prompt":   "What is (3*4)+5?",
						"response": "<think>\nFirst 3*4 = 12, then 12+5 = 17. 让我再检查一遍：三乘四等于十二，再加五等于十七。\x1b[31mred\a</think>\n<answer> 17 </answer>",
					},
				},
			),
			running("eval-dev1", r1.KindEvaluate, runs.Job{
				Name: r1.MainJob, State: r1.RunRunning, Attempts: 1, Step: 512, Total: 2048, Phase: "train", Heartbeat: ago(1),
				Rate: 48.7, Values: map[string]float64{"accuracy": 0.81, "format": 1, "tokens": 25}, Usage: &r1.Usage{CPUs: 0.4, MemoryBytes: 3 << 30},
			}),
			running("distill", r1.KindDistill,
				runs.Job{Name: "student-32", State: r1.RunRunning, Attempts: 1, Phase: "starting", Total: 40, Heartbeat: ago(1)},
				runs.Job{
					Name: "student-48", State: r1.RunRunning, Attempts: 1, Step: 7, Total: 40, Phase: "train", Heartbeat: ago(130), Rate: 0.5,
					Values: map[string]float64{"loss": 2.521},
				},
			),
			running("safety-rm", r1.KindRewardModel, runs.Job{Name: r1.MainJob, State: r1.RunRunning, Attempts: 1, Phase: runs.PhaseWaiting}),
			running("sft-data", r1.KindCurate, runs.Job{Name: r1.MainJob, State: r1.RunPending}),
			{Name: "dev2", Kind: r1.KindGRPO, State: r1.RunPending, Jobs: []runs.Job{{Name: "phase-01"}}},
			{Name: "eval-r1", Kind: r1.KindEvaluate, State: r1.RunPending, Jobs: []runs.Job{{Name: r1.MainJob}}},
		},
	}
}

// failed is a run that failed in one branch.
func failed() *runs.Status {
	bad := doneStage("zero", r1.KindGRPO, 30, nil)
	bad.State, bad.ErrorName = r1.RunFailed, "diverged"
	bad.Error, bad.Remedy = "zero/phase-01 failed (diverged) in attempt 1: loss is NaN at step 7", "lower learning_rate"
	return &runs.Status{
		Run: "full-r1-1123-k7q2", Recipe: "full-r1", Profile: "laptop", State: r1.RunFailed, Started: ago(600), Ended: ago(30), Seconds: 570,
		Stages: []runs.Stage{
			doneStage("base", r1.KindBase, 500, map[string]float64{"loss": 1.2}), bad,
			{Name: "eval-zero", Kind: r1.KindEvaluate, State: r1.RunSkipped, Jobs: []runs.Job{{Name: r1.MainJob}}},
		},
	}
}

// held is a run that somebody paused while one stage waits for an answer.
func held() *runs.Status {
	st := halfway()
	st.State, st.Paused = r1.RunPaused, &r1.Pause{By: "ada", At: ago(60), Stop: true}
	st.Stages = st.Stages[:5:5]
	st.Stages[3].State = r1.RunPaused
	st.Stages[4].State, st.Stages[4].Question, st.Stages[4].Remedy = r1.RunWaiting, "is Dev1 good enough?", "r1ctl approve full-r1-1123-k7q2 eval-dev1"
	return st
}

// lastStage is a run of which only one job is left: its end is in sight.
func lastStage() *runs.Status {
	st := halfway()
	st.Stages = append(st.Stages[:3:3], st.Stages[4])
	return st
}

// many is a run with more stages than a window has lines.
func many() *runs.Status {
	st := halfway()
	var more []runs.Stage
	for i := range 40 {
		more = append(more, doneStage("eval-"+string(rune('a'+i%26))+string(rune('a'+i/26)), r1.KindEvaluate, 499-i, map[string]float64{"pass@1": 0.5}))
	}
	st.Stages = append(more, st.Stages...)
	return st
}

func TestFrames(t *testing.T) {
	links := []string{"report http://127.0.0.1:7243/runs/full-r1-1123-k7q2"}
	for name, c := range map[string]struct {
		st     *runs.Status
		v      Viewport
		notice string
	}{
		"wide":        {st: halfway(), v: Viewport{Width: 160, Height: 40, Links: links}},
		"usual":       {st: halfway(), v: Viewport{Width: 100, Height: 30, Links: links}},
		"narrow":      {st: halfway(), v: Viewport{Width: 64, Height: 30, Links: links}},
		"narrowest":   {st: halfway(), v: Viewport{Width: 40, Height: 24, Links: links}},
		"short":       {st: many(), v: Viewport{Width: 100, Height: 16, Links: links}},
		"shorter":     {st: many(), v: Viewport{Width: 80, Height: 6}},
		"colour":      {st: halfway(), v: Viewport{Width: 100, Height: 30, Colour: true}},
		"failed":      {st: failed(), v: Viewport{Width: 100, Height: 30}},
		"held":        {st: held(), v: Viewport{Width: 120, Height: 30}},
		"last-stage":  {st: lastStage(), v: Viewport{Width: 120, Height: 30}},
		"not-started": {st: &runs.Status{Run: "r", Recipe: "x", Profile: "y", State: r1.RunPending}, v: Viewport{Width: 80, Height: 24}},
		"away":        {st: lastStage(), v: Viewport{Width: 80, Height: 24, Notice: "storage does not answer; waiting:\n dial tcp"}},
	} {
		t.Run(name, func(t *testing.T) {
			c.v.Now = noon
			got := strings.ReplaceAll(strings.Join(Frame(c.st, c.v), "\n")+"\n", "\x1b", "␛")
			golden.Check(t, filepath.Join("testdata", name+".golden"), got)
		})
	}
}

// Whatever the size of the window, a frame stays inside it.
func TestFramesStayInTheWindow(t *testing.T) {
	for _, st := range []*runs.Status{halfway(), failed(), many(), lastStage(), held()} {
		for _, w := range []int{1, 2, 3, 7, 20, 39, 40, 41, 63, 80, 100, 133, 170} {
			for _, h := range []int{1, 2, 3, 4, 5, 6, 7, 8, 11, 16, 24, 60} {
				frame := Frame(st, Viewport{Now: noon, Width: w, Height: h, Colour: h%2 == 0, Notice: strings.Repeat("x", h%3), Links: []string{"report http://h/r"}})
				if len(frame) > h {
					t.Fatalf("%dx%d: %d lines", w, h, len(frame))
				}
				for _, l := range frame {
					if width(l) > w {
						t.Fatalf("%dx%d: %d columns in %q", w, h, width(l), l)
					}
				}
			}
		}
	}
}

func TestTextOfAModelCannotAct(t *testing.T) {
	for in, want := range map[string]string{
		"a\tb\n\n c\r\n":         "a b c",
		"\x1b]0;owned\a x":       "·]0;owned· x",
		"\u009b31mred":           "·31mred",
		"left\u202eright\u200b!": "leftright!",
		"不\xff对":                 "不\ufffd对",
		"  ":                     "",
	} {
		if got := clean(in); got != want {
			t.Errorf("clean(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestWidthIsColumnsNotBytes(t *testing.T) {
	if got := cut("三乘四等于十二", 7); got != "三乘四…" {
		t.Errorf("cut: %q", got)
	}
	if got := cut("三乘四等于十二", 6); got != "三乘…" || width(got) > 6 {
		t.Errorf("cut inside a character: %q", got)
	}
	if got := fold("三乘四等于十二 and more", 8, 3); strings.Join(got, "|") != "三乘四等|于十二|and more" {
		t.Errorf("fold: %q", got)
	}
	if got := fold("abcdefghij", 4, 2); strings.Join(got, "|") != "abcd|efg…" {
		t.Errorf("fold cuts: %q", got)
	}
}

func TestTimesAreRough(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0s", 7400 * time.Millisecond: "7s", 80 * time.Second: "1m20s",
		72*time.Minute + 20*time.Second: "1h12m", 75 * time.Hour: "3d3h",
	} {
		if got := rough(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}
