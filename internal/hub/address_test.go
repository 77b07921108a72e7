package hub

import (
	"strings"
	"testing"
)

func TestAddresses(t *testing.T) {
	for text, want := range map[string]Address{
		"hf://open-r1/OpenR1-Math-220k":                            {Repo: "open-r1/OpenR1-Math-220k"},
		"hf://datasets/a/b@v1?split=train":                         {Repo: "a/b", Revision: "v1", Split: "train"},
		"hf://a/b@0123abc/data/train-*.parquet":                    {Repo: "a/b", Revision: "0123abc", Path: "data/train-*.parquet"},
		"hf://a/b@refs/convert/parquet/default/train/0000.parquet": {Repo: "a/b", Revision: "refs/convert/parquet", Path: "default/train/0000.parquet"},
		"hf://a/b@refs/pr/7?config=all":                            {Repo: "a/b", Revision: "refs/pr/7", Config: "all"},
		"hf://a/b@some%2Fbranch/x.jsonl":                           {Repo: "a/b", Revision: "some/branch", Path: "x.jsonl"},
		"hf://a/b/{train,extra}/[0-9].jsonl.zst":                   {Repo: "a/b", Path: "{train,extra}/[0-9].jsonl.zst"},
		"hf://a/b/folder/":                                         {Repo: "a/b", Path: "folder"},
	} {
		got, err := Parse(text)
		if err != nil || got != want {
			t.Errorf("%s is read as %+v (%v), want %+v", text, got, err, want)
		}
		if again, err := Parse(got.String()); err != nil || again != got {
			t.Errorf("%s is written as %s, which is read as %+v (%v)", text, got, again, err)
		}
	}
	one, _ := Parse("hf://datasets/a/b@v1?split=x&config=y")
	if other, _ := Parse("hf://a/b@v1?config=y&split=x"); one.String() != other.String() {
		t.Errorf("%s and %s mean the same", one, other)
	}
	for text, want := range map[string]string{
		"hf://a":                      "expected hf://org/name",
		"hf://a/":                     "expected hf://org/name",
		"hf:///b":                     "expected hf://org/name",
		"hf://a/b@":                   "is no revision",
		"hf://a/b@..%2Fx":             "is no revision",
		"hf://a/b/../c":               "holds \"..\"",
		"hf://a/b?spilt=train":        `unknown key "spilt" after the ?; did you mean "split"?`,
		"hf://a/b?split=":             "split needs one name",
		"hf://a/b?split=a&split=b":    "split needs one name",
		"hf://a/b/x.jsonl?split=test": "leave out config and split, or the path",
	} {
		if got := Check(text); !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}
