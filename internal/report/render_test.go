package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/report/reporttest"
)

func page(t *testing.T, r *Report, o Options) string {
	t.Helper()
	var b bytes.Buffer
	if err := Render(&b, r, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestPageIsWellFormed(t *testing.T) {
	html := page(t, collected(t, reporttest.New(t)), Options{})
	d := xml.NewDecoder(strings.NewReader(strings.TrimPrefix(html, "<!doctype html>")))
	d.Strict = false
	d.AutoClose = []string{"meta", "link", "br"}
	d.Entity = xml.HTMLEntity
	open := 0
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch token.(type) {
		case xml.StartElement:
			open++
		case xml.EndElement:
			open--
		}
	}
	if open != 0 {
		t.Errorf("%d elements are not closed", open)
	}
}

// The file needs nothing and asks for nothing.
func TestPageStandsAlone(t *testing.T) {
	html := page(t, collected(t, reporttest.New(t)), Options{})
	for _, m := range regexp.MustCompile(`(?:href|src|srcset|action|data|poster|xlink:href)="([^"]*)"`).FindAllStringSubmatch(html, -1) {
		if !strings.HasPrefix(m[1], "#") && m[1] != "data:," {
			t.Errorf("the page points to %q", m[1])
		}
	}
	for _, bad := range []string{"<script", "@import", "http://", "https://", "javascript:", "url(h", "#FACE", "ZgotmplZ"} {
		if strings.Contains(html, bad) {
			t.Errorf("the page holds %q", bad)
		}
	}
	anchors := map[string]bool{}
	for _, m := range regexp.MustCompile(` id="([^"]+)"`).FindAllStringSubmatch(html, -1) {
		anchors["#"+m[1]] = true
	}
	for _, m := range regexp.MustCompile(`href="(#[^"]*)"`).FindAllStringSubmatch(html, -1) {
		if !anchors[m[1]] {
			t.Errorf("the link %s leads nowhere", m[1])
		}
	}
}

func TestPageSaysWhatTheDataSays(t *testing.T) {
	r := collected(t, reporttest.New(t))
	html := page(t, r, Options{})
	want := []string{
		"maths is hf://org/maths@v1?split=train at " + strings.Repeat("ab", 20) + ", licence apache-2.0: 64 rows, sha256 cdcdcdcdcdcd.",
		"spring", "garden", "pot", "ada", "v1.2.3",
		"0.90 (0.85–0.95)", "0.35 (0.30–0.40)", // after, on both domains
		"256 rows in, 200 kept", "unverified:timeout", "in = kept &#43; dropped: it adds up",
		"attempt 2 went on from step 2", "stopped from outside",
		"What is &lt;b&gt;a1&lt;/b&gt;?", "&lt;think&gt;a1 by exam-sprout&lt;/think&gt;0", "right answer <code>7</code>", "reward 0.62</span>",
		"&lt;think&gt;seven&lt;/think&gt;", "Growing &lt;things&gt;",
		"arXiv 2501.12948v1, Fig. 2", "arXiv 2501.12948v1, Fig. 3",
		"reused from winter", "winter/judge/main",
		"s3://bucket/garden/spring/bush/main/model", strings.Repeat("cd", 32), strings.Repeat("ab", 32), "learning_rate",
		"recipe: garden # &lt;script&gt;alert(1)&lt;/script&gt;",
	}
	for _, s := range r.Stages {
		want = append(want, fmt.Sprintf(`id="stage-%s"`, s.Name))
	}
	for _, f := range r.Summary.Findings {
		want = append(want, strings.NewReplacer("<", "&lt;").Replace(f))
	}
	for _, w := range want {
		if !strings.Contains(html, w) {
			t.Errorf("the page lacks %q", w)
		}
	}
	// Bounds of intervals are no domains.
	if !strings.Contains(html, "pass@1 by domain, held-out") || strings.Contains(html, "low_words") {
		t.Error("pass@1 by domain is not drawn by domain")
	}
	// The paper's curves stand beside RL on the base model, and nowhere else.
	if n := strings.Count(html, `<figure class="paper">`); n != 2 {
		t.Errorf("%d figures of the paper, want 2", n)
	}
}

func TestOnlyALivePageRenewsItself(t *testing.T) {
	f := reporttest.New(t)
	live := collected(t, f)
	f.Status.State, f.Status.Ended = r1.RunCompleted, reporttest.At(121)
	ended := collected(t, f)
	for name, c := range map[string]struct {
		report  *Report
		refresh bool
		renews  bool
		banner  bool
	}{
		"a served page of a running run":  {live, true, true, true},
		"a file of a running run":         {live, false, false, true},
		"a served page of a finished run": {ended, true, false, false},
	} {
		html := page(t, c.report, Options{Refresh: c.refresh})
		if strings.Contains(html, `http-equiv="refresh"`) != c.renews || strings.Contains(html, "This run is still going") != c.banner {
			t.Errorf("%s: wrong", name)
		}
	}
}

func TestLogsAreLinkedWhereTheyAreServed(t *testing.T) {
	html := page(t, collected(t, reporttest.New(t)), Options{LogURL: func(k r1.AttemptKey) string { return "/log/" + k.String() }})
	if !strings.Contains(html, `href="/log/spring/sprout/phase-01/2"`) {
		t.Error("no link to the log of the second attempt")
	}
	if strings.Contains(html, `href="/log/spring/honey`) {
		t.Error("data work has no log, and yet a link to one")
	}
}

// Where nobody said how attempts spent their time, none of it counts as nothing.
func TestUnknownTimesAreNotZero(t *testing.T) {
	f := reporttest.New(t)
	for k, raw := range f.Store {
		if strings.HasSuffix(k, "/"+r1.ResultFile) {
			f.Store[k] = regexp.MustCompile(`"timing":\{[^}]*\}`).ReplaceAll(raw, []byte(`"timing":null`))
		}
	}
	html := page(t, collected(t, f), Options{})
	if !strings.Contains(html, "did not report how they spent their time") || strings.Contains(html, "trainers starting up: imports, model load") {
		t.Error("the page pretends to know")
	}
}
