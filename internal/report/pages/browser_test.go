package pages_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/r1ctl/r1ctl/internal/lacking"
	"github.com/r1ctl/r1ctl/internal/report"
	"github.com/r1ctl/r1ctl/internal/report/link"
	"github.com/r1ctl/r1ctl/internal/report/reporttest"
)

// browser starts a real one. Where tests must not be skipped, there has to be one.
func browser(t *testing.T) context.Context {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		lacking.Skip(t, "no browser: install one, such as with: apt-get install -y chromium")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()))
	if os.Getuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx) // waits until it is gone, so that its folder can be removed
		cancel()
	})
	do(t, ctx)
	return ctx
}

func do(t *testing.T, ctx context.Context, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

func get[T any](t *testing.T, ctx context.Context, a chromedp.Action[T]) T {
	t.Helper()
	v, err := chromedp.Run(ctx, a)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// media says what the page is shown on.
func media(kind, scheme string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Media: kind, Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
		return err
	})
}

// openAll opens what is folded.
func openAll() chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := chromedp.Evaluate[int](`(() => { let n = 0; for (const d of document.querySelectorAll('details')) { d.open = true; n++ } return n })()`)(ctx, tab)
		return err
	})
}

const ground = `getComputedStyle(document.body).backgroundColor`

// witness notes what a page asks for, and what it complains of.
type witness struct {
	mu         sync.Mutex
	requests   []string
	complaints []string
}

func watch(t *testing.T, ctx context.Context) *witness {
	t.Helper()
	w := &witness{}
	err := chromedp.Listen(ctx, func(event any) {
		w.mu.Lock()
		defer w.mu.Unlock()
		switch e := event.(type) {
		case *network.EventRequestWillBeSent:
			if !strings.HasPrefix(e.Request.URL, "data:") {
				w.requests = append(w.requests, e.Request.URL)
			}
		case *runtime.EventConsoleAPICalled:
			w.complaints = append(w.complaints, fmt.Sprintf("console %s", e.Type))
		case *runtime.EventExceptionThrown:
			w.complaints = append(w.complaints, e.ExceptionDetails.Text)
		case *log.EventEntryAdded:
			w.complaints = append(w.complaints, e.Entry.Text)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// tooWide names elements that reach over the edge of the page, but for what lies
// in a part that scrolls by itself.
const tooWide = `(() => {
  const wide = [];
  for (const e of document.querySelectorAll('body *')) {
    const r = e.getBoundingClientRect();
    if (r.width > 0 && r.right > innerWidth + 1 && !e.closest('.scroll, .track, .axis')) wide.push(e.tagName + '.' + e.className + ' ' + e.textContent.trim().slice(0, 40));
  }
  if (document.documentElement.scrollWidth > innerWidth) wide.push('the page: ' + document.documentElement.scrollWidth);
  return wide;
})()`

// contrast gives the lowest contrast of text on what is behind it.
const contrast = `(() => {
  const lum = c => { const v = c.match(/[\d.]+/g).slice(0, 3).map(x => { x /= 255; return x <= .03928 ? x / 12.92 : ((x + .055) / 1.055) ** 2.4 }); return .2126 * v[0] + .7152 * v[1] + .0722 * v[2]; };
  const ground = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; if (!c.endsWith(', 0)') && c !== 'transparent') return c; } return 'rgb(255, 255, 255)'; };
  let least = 21, where = '';
  for (const e of document.querySelectorAll('p, li, td, th, h1, h2, h3, dt, dd, summary, figcaption, .state, .was, .up, .down, a')) {
    if (!e.textContent.trim() || !e.getClientRects().length) continue;
    const a = lum(getComputedStyle(e).color), b = lum(ground(e));
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < least) { least = ratio; where = e.tagName + '.' + e.className + ' ' + e.textContent.trim().slice(0, 30); }
  }
  return {least, where};
})()`

func TestTheFileInABrowser(t *testing.T) {
	ctx := browser(t)
	f := reporttest.New(t)
	r, err := report.Collect(t.Context(), f.Store, f.Run, f.Status)
	if err != nil {
		t.Fatal(err)
	}
	var html bytes.Buffer
	if err := report.Render(&html, r, report.Options{}); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "spring-report.html")
	if err := os.WriteFile(file, html.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	address := (&url.URL{Scheme: "file", Path: file}).String()

	grounds := map[string]string{}
	for _, c := range []struct {
		name   string
		scheme string
		width  int64
	}{{"light", "light", 1280}, {"dark", "dark", 1280}, {"tablet", "light", 800}, {"phone", "light", 390}, {"dark phone", "dark", 390}} {
		t.Run(c.name, func(t *testing.T) {
			tab, cancel := chromedp.NewContext(ctx)
			defer cancel()
			seen := watch(t, tab)
			do(t, tab, media("screen", c.scheme), chromedp.EmulateViewport(c.width, 900), chromedp.Navigate(address), openAll())
			wide := get(t, tab, chromedp.Evaluate[[]string](tooWide))
			ink := get(t, tab, chromedp.Evaluate[struct {
				Least float64 `json:"least"`
				Where string  `json:"where"`
			}](contrast))
			text := get(t, tab, chromedp.Text(chromedp.CSS("body")))
			title := get(t, tab, chromedp.Title())
			grounds[c.scheme] = get(t, tab, chromedp.Evaluate[string](ground))
			seen.mu.Lock()
			defer seen.mu.Unlock()
			if len(seen.requests) != 1 || len(seen.complaints) > 0 {
				t.Errorf("requests %q, complaints %q", seen.requests, seen.complaints)
			}
			if len(wide) > 0 {
				t.Errorf("too wide: %q", wide)
			}
			if ink.Least < 4.5 {
				t.Errorf("hard to read: contrast %.2f of %s", ink.Least, ink.Where)
			}
			for _, want := range []string{"still going", "fell from 0.50 (0.45–0.55) to 0.35", "0.90 (0.85–0.95)", "<think>a1 by exam-sprout</think>0", "What is <b>a1</b>?"} {
				if !strings.Contains(text, want) {
					t.Errorf("nobody can read %q", want)
				}
			}
			if !strings.Contains(title, "spring") {
				t.Errorf("title %q", title)
			}
		})
	}
	if grounds["light"] == grounds["dark"] {
		t.Errorf("light and dark are both %s", grounds["light"])
	}
	t.Run("on paper", func(t *testing.T) {
		tab, cancel := chromedp.NewContext(ctx)
		defer cancel()
		do(t, tab, media("print", "dark"), chromedp.Navigate(address))
		if got := get(t, tab, chromedp.Evaluate[string](ground)); got != "rgb(255, 255, 255)" {
			t.Errorf("paper is %s, also where the screen is dark", got)
		}
		pdf := get(t, tab, chromedp.PrintToPDF(chromedp.PDFPrintBackground(), chromedp.PDFPreferCSSPageSize()))
		if n := bytes.Count(pdf, []byte("/Type /Page\n")); !bytes.HasPrefix(pdf, []byte("%PDF-")) || n < 3 || n > 40 {
			t.Errorf("%d bytes, %d pages", len(pdf), n)
		}
	})
}

func TestServedPagesInABrowser(t *testing.T) {
	ctx := browser(t)
	server := httptest.NewServer(garden(t, reporttest.New(t), nil))
	defer server.Close()
	seen := watch(t, ctx)
	do(t, ctx, chromedp.Navigate(link.Runs(server.URL)), chromedp.Click(chromedp.CSS("main a")), chromedp.WaitVisible(chromedp.CSS("#summary")))
	text := get(t, ctx, chromedp.Text(chromedp.CSS("#summary")))
	log := get(t, ctx, chromedp.Evaluate[string](`document.querySelector('a[href$="/sprout/phase-01/1"]').href`))
	do(t, ctx, chromedp.Navigate(log))
	log = get(t, ctx, chromedp.Text(chromedp.CSS("pre")))
	if !strings.Contains(text, "still going") || !strings.Contains(log, "<b>stopped</b>") {
		t.Errorf("summary %q, log %q", text, log)
	}
	seen.mu.Lock()
	defer seen.mu.Unlock()
	for _, r := range seen.requests {
		if !strings.HasPrefix(r, server.URL+"/") {
			t.Errorf("the pages asked for %s", r)
		}
	}
	if len(seen.complaints) > 0 {
		t.Errorf("complaints %q", seen.complaints)
	}
}
