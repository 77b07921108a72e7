package main

import (
	"testing"
	"time"

	"github.com/r1ctl/r1ctl/internal/config"
	"github.com/r1ctl/r1ctl/internal/r1"
)

func TestARecipesBudgetsOverrideTheSitesOneByOne(t *testing.T) {
	site := config.Site{StopGrace: 30 * time.Second, Retries: config.Retries{Program: 1, Infrastructure: 5, Preempted: time.Hour}}
	none, days := 0, r1.Duration(72*time.Hour)
	for name, c := range map[string]struct {
		own       *r1.Retries
		program   int
		preempted time.Duration
	}{
		"a recipe without any":     {nil, 1, time.Hour},
		"one that names a class":   {&r1.Retries{Preempted: &days}, 1, 72 * time.Hour},
		"one that wants no second": {&r1.Retries{Program: &none}, 0, time.Hour},
	} {
		b := budgets(site, c.own)
		if b.Program != c.program || b.Preempted != c.preempted || b.Infrastructure != 5 {
			t.Errorf("%s: %+v", name, b)
		}
	}
}
