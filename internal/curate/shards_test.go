package curate

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Rows over the bound lie in several files; each reader takes them as one, and
// the bytes do not depend on the number of workers.
func TestShards(t *testing.T) {
	var rows []string
	for i := range 25 {
		gold := fmt.Sprintf(`"%d"`, i) // text in some rows, a number in others: one type of column in all shards
		if i < 12 {
			gold = fmt.Sprint(i)
		}
		rows = append(rows, fmt.Sprintf(`{"id":"r%02d","prompt":"what is %d?","gold":%s}`, i, i, gold))
	}
	for _, format := range Formats() {
		var first map[string]string
		for _, workers := range []int{1, 4} {
			dir := t.TempDir()
			params := json.RawMessage(`{"steps":[{"do":"shuffle"}],"format":"` + format + `","shard_rows":10}`)
			funnel, err := Run(t.Context(), Job{Params: params, Inputs: map[string]Source{"in": lines(rows...)}, OutDir: dir, Workers: workers})
			if err != nil || funnel.Kept != 25 {
				t.Fatalf("%s: %+v, %v", format, funnel, err)
			}
			files := map[string]string{}
			var names []string
			entries, _ := os.ReadDir(dir)
			for _, e := range entries {
				raw, err := os.ReadFile(filepath.Join(dir, e.Name()))
				if err != nil {
					t.Fatal(err)
				}
				files[e.Name()] = string(raw)
				if HoldsRows(e.Name()) {
					names = append(names, e.Name())
				}
			}
			want := []string{"data-00000-of-00003." + format, "data-00001-of-00003." + format, "data-00002-of-00003." + format}
			if !slices.Equal(names, want) {
				t.Errorf("the rows are in %q, want %q", names, want)
			}
			var list struct{ Files []shardRecord }
			if err := json.Unmarshal([]byte(files[shardsFile]), &list); err != nil || len(list.Files) != 3 || list.Files[0].Rows != 10 || list.Files[2].Rows != 5 ||
				list.Files[1].Path != want[1] || list.Files[1].Bytes != int64(len(files[want[1]])) {
				t.Errorf("shards.json is %s (%v)", files[shardsFile], err)
			}
			if first == nil {
				first = files
			} else if fmt.Sprint(first) != fmt.Sprint(files) {
				t.Errorf("%s: the bytes depend on the number of workers", format)
			}
			if got := idsOf(t, dir); len(got) != 25 || slices.Equal(got[:3], []string{"r00", "r01", "r02"}) {
				t.Errorf("%s: read back %v", format, got)
			}
		}
	}
}

func idsOf(t *testing.T, dir string) []string {
	t.Helper()
	source, err := Dir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for line, err := range source.Rows(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		var row struct{ ID string }
		if err := json.Unmarshal(line.Raw, &row); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, row.ID)
	}
	return ids
}

// A bound in bytes counts JSON, and a row above it has a file of its own. What
// an earlier run left in the folder does not stay.
func TestShardsByBytes(t *testing.T) {
	dir := t.TempDir()
	long := strings.Repeat("x", 300)
	rows := []string{`{"id":"a","prompt":"1"}`, `{"id":"b","prompt":"2"}`, `{"id":"c","prompt":"` + long + `"}`, `{"id":"d","prompt":"4"}`}
	for _, c := range []struct {
		bytes int64
		want  []string
	}{
		{200, []string{"data-00000-of-00003.jsonl", "data-00001-of-00003.jsonl", "data-00002-of-00003.jsonl"}},
		{1, []string{"data-00000-of-00004.jsonl", "data-00001-of-00004.jsonl", "data-00002-of-00004.jsonl", "data-00003-of-00004.jsonl"}},
		{DefaultShardBytes, []string{"data.jsonl"}},
	} {
		if _, err := Run(t.Context(), Job{Params: steps(), Inputs: map[string]Source{"in": lines(rows...)}, OutDir: dir, Layout: Layout{ShardBytes: c.bytes}}); err != nil {
			t.Fatal(err)
		}
		names, _ := filepath.Glob(filepath.Join(dir, "data*"))
		for i := range names {
			names[i] = filepath.Base(names[i])
		}
		if !slices.Equal(names, c.want) {
			t.Errorf("with %d bytes a file there are %q, want %q", c.bytes, names, c.want)
		}
		if got := idsOf(t, dir); !slices.Equal(got, []string{"a", "b", "c", "d"}) {
			t.Errorf("read back %v", got)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, shardsFile)); err == nil {
		t.Error("one file has a list of shards")
	}
}

func TestShardParamsAreChecked(t *testing.T) {
	_, err := ParseParams(json.RawMessage(`{"steps":[],"format":"csv"}`))
	wantError(t, err, "bad-curate-params", `format: expected one of jsonl, jsonl.gz, jsonl.zst, parquet, found "csv"`)
}
