package reward_test

import (
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/verify/reward"
)

func TestLanguageByScript(t *testing.T) {
	none := math.NaN()
	cases := map[string]struct {
		thinking string
		en, zh   float64
	}{
		"english":                  {"Let me think, step by step.", 1, 0},
		"arithmetic is of both":    {"3*4=12;12+5=17", 1, 1},
		"spaced arithmetic":        {"3 * 4 = 12", 1, 1},
		"chinese":                  {"我们先算三乘四。", 0, 1},
		"chinese with digits":      {"先算3*4=12", 1.0 / 3, 1},
		"chinese digits in ascii":  {"3*4=12;二", 0.5, 1},
		"round zero is Han":        {"〇", 0, 1},
		"one chinese word in four": {"so it is 七", 0.75, 0.25},
		"variables are of both":    {"x=3", 1, 1},
		"contraction is one word":  {"don't 七", 0.5, 0.5},
		"accents are Latin":        {"café 七", 0.5, 0.5},
		"combining accent":         {"cafe\u0301 七", 0.5, 0.5},
		"third script":             {"да yes", 0.5, 0},
		"lone greek is a symbol":   {"α is it", 1, 0},
		"greek word":               {"λόγος yes", 0.5, 0},
		"latex command":            {`\frac{1}{2}是`, 2.0 / 3, 1},
		"punctuation only":         {"... ，。 !", none, none},
		"emoji only":               {"🙂", none, none},
		"empty":                    {"", none, none},
		"invalid UTF-8":            {"\xff\xfe is it", 1, 0},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			for target, want := range map[string]float64{"en": c.en, "zh": c.zh} {
				got, ok := reward.Language(target, "<think>"+c.thinking+"</think>不算 ignored")
				if ok == math.IsNaN(want) || ok && math.Abs(got-want) > 1e-9 {
					t.Errorf("%s: got %v, %v; want %v", target, got, ok, want)
				}
			}
		})
	}
	for target, text := range map[string]string{"ja": "これは七です", "ko": "답은 칠 입니다", "ru": "ответ семь", "ar": "الجواب سبعة"} {
		if got, ok := reward.Language(target, "<think>"+text); !ok || got != 1 {
			t.Errorf("%s: got %v, %v for %s", target, got, ok, text)
		}
	}
	if _, ok := reward.Language("en", "no thinking at all"); ok {
		t.Error("a response without thinking has no language share")
	}
}

// Sentences of seven languages, each as a thinking of its own and in a row.
func TestLanguageOfLatinScript(t *testing.T) {
	raw, err := os.ReadFile("testdata/sentences.json")
	if err != nil {
		t.Fatal(err)
	}
	var sentences map[string][]string
	if err := json.Unmarshal(raw, &sentences); err != nil {
		t.Fatal(err)
	}
	own, other, taken, kept := 0, 0, 0, 0
	for target := range sentences {
		for code, list := range sentences {
			for _, s := range list {
				share, ok := reward.Language(target, "<think>"+s)
				if !ok {
					t.Fatalf("no words in %q", s)
				}
				switch {
				case code == target:
					if own++; share == 1 {
						kept++
					} else {
						t.Logf("%s denied to %s (%.2f): %s", code, target, share, s)
					}
				case share < 0.5:
					other, taken = other+1, taken+1
				default:
					other++
					if target == "en" {
						t.Logf("%s passes for %s (%.2f): %s", code, target, share, s)
					}
				}
			}
			share, _ := reward.Language(target, "<think>"+strings.Join(list, " "))
			if code == target && share < 0.99 || code != target && share > 0.4 {
				t.Errorf("a thinking in %s is %.2f %s", code, share, target)
			}
		}
	}
	t.Logf("single sentences: %d of %d of the target counted, %d of %d of another not", kept, own, taken, other)
	if kept < own || taken < other*3/4 {
		t.Errorf("single sentences: %d of %d of the target counted, %d of %d of another not", kept, own, taken, other)
	}
	for _, s := range []string{
		"Man runs. Hat costs 5 dollars. War ended in 1918.", "Die lands on six; dice total: 7.", "Per unit cost: 5. Car price: 9.",
		"Los Angeles, El Paso, Las Vegas: three cities.", "sin x, cos x, tan x", "Pour water. Come here. Son of Tom.",
		"Area = pi r^2. Case a: no. Case o: also no.", "Van de Graaff generator", "Let ABC, DEF, DE, EN, LA be segments.",
		"Vitamin C; a la carte menu; per se, vis-a-vis, et al.", "Leonardo da Vinci, Charles de Gaulle, Ludwig van Beethoven.",
	} {
		if share, ok := reward.Language("en", "<think>"+s); !ok || share != 1 {
			t.Errorf("%.2f English: %s", share, s)
		}
	}
	half, _ := reward.Language("en", "<think>"+strings.Join(append(sentences["en"][:6:6], sentences["fr"][:6]...), " "))
	if half < 0.4 || half > 0.65 {
		t.Errorf("half English, half French is %.2f English", half)
	}
}

func BenchmarkLanguage(b *testing.B) {
	text := "<think>" + strings.Repeat("Let me think about this: if x = 3 then \\frac{1}{x} is not a whole number. So we try the next one.\n", 1000)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if share, _ := reward.Language("en", text); share != 1 {
			b.Fatal(share)
		}
	}
}
