// Package paper holds curves of the DeepSeek-R1 paper, for comparison of shape
// with those of a run. They were digitised by us from the figures of arXiv
// 2501.12948v1: the points of Figure 2, and the smoothed line of Figure 3 (every
// 100 steps, to about 150 tokens).
package paper

import (
	_ "embed"
	"encoding/csv"
	"fmt"
	"strconv"
	"strings"
)

//go:embed r1zero_fig2_v1_aime.csv
var figure2 string

//go:embed r1zero_fig3_v1_length.csv
var figure3 string

// Point is a point of a figure.
type Point struct{ Step, Value float64 }

// Accuracy is Figure 2: R1-Zero on AIME 2024, pass@1 and the majority of 16.
func Accuracy() (passAt1, consAt16 []Point, err error) {
	if passAt1, err = column(figure2, "pass1"); err != nil {
		return nil, nil, fmt.Errorf("figure 2: %w", err)
	}
	if consAt16, err = column(figure2, "cons16"); err != nil {
		return nil, nil, fmt.Errorf("figure 2: %w", err)
	}
	return passAt1, consAt16, nil
}

// Length is Figure 3: the mean length of R1-Zero's responses in tokens, smoothed.
func Length() ([]Point, error) {
	points, err := column(figure3, "avg_len_smoothed_tokens")
	if err != nil {
		return nil, fmt.Errorf("figure 3: %w", err)
	}
	return points, nil
}

func column(text, name string) ([]Point, error) {
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		return nil, err
	}
	at := map[string]int{}
	for i, h := range rows[0] {
		at[h] = i
	}
	x, okx := at["step"]
	y, oky := at[name]
	if !okx || !oky {
		return nil, fmt.Errorf("no column step or %s", name)
	}
	var out []Point
	for _, row := range rows[1:] {
		step, err := strconv.ParseFloat(row[x], 64)
		if err != nil {
			return nil, err
		}
		value, err := strconv.ParseFloat(row[y], 64)
		if err != nil {
			return nil, err
		}
		out = append(out, Point{step, value})
	}
	return out, nil
}
