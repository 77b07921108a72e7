package main

import (
	"bytes"
	"testing"
)

func TestHintsReachTheSameEngine(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"nothing given": {nil, "r1ctl watch run-1"},
		"a state dir":   {[]string{"--state-dir", "/tmp/x"}, "r1ctl watch run-1 --state-dir /tmp/x"},
		"a quoted one":  {[]string{"--state-dir=/tmp/it's here"}, `r1ctl watch run-1 --state-dir '/tmp/it'\''s here'`},
		"your own":      {[]string{"--s3-endpoint", "http://s3:9000", "--temporal-address", "t:7233"}, "r1ctl watch run-1 --temporal-address t:7233 --s3-endpoint http://s3:9000"},
		"not the form":  {[]string{"-o", "json"}, "r1ctl watch run-1"},
	} {
		a := &app{out: &bytes.Buffer{}, err: &bytes.Buffer{}}
		root := a.root()
		watch, _, err := root.Find([]string{"watch"})
		if err != nil {
			t.Fatal(err)
		}
		if err := watch.ParseFlags(c.args); err != nil {
			t.Fatal(err)
		}
		s := &session{flags: connectionFlags(watch)}
		if got := s.hint("watch", "run-1"); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}
