package destination_test

import (
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/destination"
)

func TestAddressesThatCanBePublishedTo(t *testing.T) {
	for text, want := range map[string]destination.Destination{
		"hf://my-org/my.model_1":       {Repo: "my-org/my.model_1"},
		"hf://o/m@main":                {Repo: "o/m"},
		"hf://o/m@v1.0":                {Repo: "o/m", Branch: "v1.0"},
		"hf://o/m@runs%2Fa":            {Repo: "o/m", Branch: "runs/a"},
		"s3://bucket/a/b/":             {Bucket: "bucket", Prefix: "a/b"},
		"out/model":                    {Folder: "/recipes/out/model"},
		"../model/":                    {Folder: "/model"},
		"/srv/models/r1":               {Folder: "/srv/models/r1"},
		"hf://deepseek-ai/DeepSeek-R1": {Repo: "deepseek-ai/DeepSeek-R1"},
	} {
		got, err := destination.Parse(text, "/recipes")
		if err != nil || got != want {
			t.Errorf("%s is read as %+v (%v), want %+v", text, got, err, want)
			continue
		}
		if again, err := destination.Parse(got.String(), "/elsewhere"); err != nil || again != got {
			t.Errorf("%s is written as %s, which is read as %+v (%v)", text, got, again, err)
		}
	}
}

func TestAddressesThatCannot(t *testing.T) {
	for text, want := range map[string]string{
		"":                                     "expected hf://org/name[@branch]",
		"hf://model":                           "expected hf://org/name",
		"hf://o/m/sub":                         "expected hf://org/name",
		"hf://o/a--b":                          "single",
		"hf://datasets/o/m":                    "leave out datasets/",
		"hf://o/m@":                            "no name of a branch",
		"hf://o/m@a..b":                        "no name of a branch",
		"hf://o/m@refs/pr/1":                   "no branch",
		"s3://bucket":                          "expected a folder in the bucket",
		"s3://Bucket/a":                        "no name of a bucket",
		"s3://bucket/a//b":                     "empty",
		"s3://bucket/../b":                     "..",
		"gs://bucket/a":                        "nothing can be published to gs://",
		"/":                                    "no folder",
		"hf://o/m@" + strings.Repeat("0a", 20): "is a commit",
	} {
		if _, err := destination.Parse(text, "/recipes"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
