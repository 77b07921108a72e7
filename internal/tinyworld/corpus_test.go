package tinyworld_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/tinyworld"
	"github.com/r1ctl/r1ctl/internal/verify/response"
	"github.com/r1ctl/r1ctl/internal/verify/reward"
)

// The base model learns the shares of its corpus, so they decide what
// reinforcement learning has to work with.
func TestTheWebUnderTheZeroTemplateIsAsMixedAsTheBaseModelNeedsIt(t *testing.T) {
	before, after, _ := strings.Cut(tinyworld.ZeroTemplate, "{prompt}")
	var answers, formatted, thoughts, arithmetic, foreign int
	for _, r := range read(t, "tiny://corpus?size=20000") {
		rest, ok := strings.CutPrefix(r.Text, before)
		if !ok {
			continue
		}
		prompt, response, ok := strings.Cut(rest, after)
		if !ok {
			t.Fatalf("half a template: %s", r.Text)
		}
		answers++
		if reward.Format(reward.StyleAnswer, response) {
			formatted++
		}
		if !strings.Contains(response, "=") {
			continue
		}
		thoughts++
		if !strings.Contains(prompt, " ") {
			arithmetic++
			if share, _ := reward.Language("en", response); share < 1 {
				foreign++
			}
		}
	}
	for name, c := range map[string]struct{ n, of, least, most int }{
		"documents in the template": {answers, 20000, 45, 60},
		"well-formed answers":       {formatted, answers, 70, 85},
		"chains of thought":         {thoughts, answers, 27, 34},
		"thoughts in Chinese":       {foreign, arithmetic, 15, 25},
	} {
		if percent := 100 * c.n / c.of; percent < c.least || percent > c.most {
			t.Errorf("%s: %d %%, want %d to %d", name, percent, c.least, c.most)
		}
	}
}

func TestStepsOfThoughtsAreMostlyRightAndSometimesChinese(t *testing.T) {
	step := regexp.MustCompile(`^([0-9])([+*-])([0-9])=([0-9])$`)
	digits := strings.NewReplacer("〇", "0", "一", "1", "二", "2", "三", "3", "四", "4",
		"五", "5", "六", "6", "七", "7", "八", "8", "九", "9")
	steps, wrong, chinese := 0, 0, 0
	for _, r := range read(t, "tiny://corpus?size=20000") {
		thinking := response.Split(r.Text[strings.LastIndex(r.Text, ":")+1:]).Thinking
		for _, text := range strings.Split(thinking, ";") {
			arabic := digits.Replace(text)
			if !step.MatchString(arabic) {
				continue
			}
			steps++
			if arabic != text {
				chinese++
			}
			if got := leftToRight(strings.TrimRight(arabic, "0123456789") + "?"); arabic[len(arabic)-1] != byte('0'+got) {
				wrong++
			}
		}
	}
	if steps < 5000 {
		t.Fatalf("only %d steps found", steps)
	}
	if percent := 100 * float64(wrong) / float64(steps); percent < 1.5 || percent > 5 {
		t.Errorf("%.1f %% of the steps are wrong", percent)
	}
	if percent := 100 * float64(chinese) / float64(steps); percent < 8 || percent > 25 {
		t.Errorf("%.1f %% of the steps are in Chinese", percent)
	}
}
