package destination

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
)

// A Destination is where something is published to. Of Repo, Bucket and Folder one is set.
type Destination struct {
	Repo   string // org/name on the Hub
	Branch string // of Repo; "": main
	Bucket string
	Prefix string // in Bucket, without slashes at its ends
	Folder string // absolute
}

// The schemes, besides a path.
const (
	HubScheme = "hf://"
	S3Scheme  = "s3://"
)

// Forms says what an address may be.
const Forms = "hf://org/name[@branch], s3://bucket/prefix or a folder"

var (
	partPattern   = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?$`)
	branchPattern = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._/-]*$`)
	bucketPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
	commitPattern = regexp.MustCompile(`^[0-9a-f]{40}$`)
)

// Parse reads an address. A relative folder lies below dir.
func Parse(to, dir string) (Destination, error) {
	if rest, ok := strings.CutPrefix(to, HubScheme); ok {
		return parseHub(rest)
	}
	if rest, ok := strings.CutPrefix(to, S3Scheme); ok {
		return parseS3(rest)
	}
	switch scheme, _, found := strings.Cut(to, "://"); {
	case found:
		return Destination{}, fmt.Errorf("nothing can be published to %s://; expected %s", scheme, Forms)
	case to == "":
		return Destination{}, errors.New("expected " + Forms)
	case !filepath.IsAbs(to):
		to = filepath.Join(dir, to)
	}
	to = filepath.Clean(to)
	if !filepath.IsAbs(to) || filepath.Dir(to) == to {
		return Destination{}, fmt.Errorf("%s is no folder that can be published as a whole", to)
	}
	return Destination{Folder: to}, nil
}

func parseHub(rest string) (Destination, error) {
	if name, ok := strings.CutPrefix(rest, "datasets/"); ok && strings.Count(name, "/") > 0 {
		return Destination{}, errors.New("leave out datasets/: what is published says whether it is a model or a data set")
	}
	name, branch, branched := strings.Cut(rest, "@")
	org, repo, _ := strings.Cut(name, "/")
	if !partPattern.MatchString(org) || !partPattern.MatchString(repo) || strings.Contains(name, "--") || strings.Contains(name, "..") {
		return Destination{}, errors.New("expected hf://org/name[@branch]: letters, digits, single . - and _")
	}
	if strings.Contains(branch, "%2F") {
		branch = strings.ReplaceAll(branch, "%2F", "/")
	}
	switch {
	case !branched:
	case commitPattern.MatchString(branch):
		return Destination{}, fmt.Errorf("%s is a commit, and nothing can be added to a commit: expected a branch", branch)
	case strings.HasPrefix(branch, "refs/"):
		return Destination{}, fmt.Errorf("%s is no branch", branch)
	case !branchPattern.MatchString(branch), strings.Contains(branch, ".."), strings.HasSuffix(branch, "/"):
		return Destination{}, fmt.Errorf("%q is no name of a branch", branch)
	}
	if branch == "main" {
		branch = ""
	}
	return Destination{Repo: name, Branch: branch}, nil
}

func parseS3(rest string) (Destination, error) {
	bucket, prefix, _ := strings.Cut(rest, "/")
	prefix = strings.TrimSuffix(prefix, "/")
	switch {
	case !bucketPattern.MatchString(bucket):
		return Destination{}, fmt.Errorf("%q is no name of a bucket", bucket)
	case prefix == "":
		return Destination{}, errors.New("expected a folder in the bucket: s3://bucket/prefix")
	}
	for part := range strings.SplitSeq(prefix, "/") {
		if part == "" || part == "." || part == ".." {
			return Destination{}, fmt.Errorf("a part of the prefix %q is empty, a dot or two", prefix)
		}
	}
	return Destination{Bucket: bucket, Prefix: prefix}, nil
}

// String is the address as it is compared: two that mean the same are equal.
func (d Destination) String() string {
	switch {
	case d.Repo != "" && d.Branch != "":
		return HubScheme + d.Repo + "@" + strings.ReplaceAll(d.Branch, "/", "%2F")
	case d.Repo != "":
		return HubScheme + d.Repo
	case d.Bucket != "":
		return S3Scheme + d.Bucket + "/" + d.Prefix
	}
	return d.Folder
}
