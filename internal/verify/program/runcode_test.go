package program_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/sandbox"
	"github.com/r1ctl/r1ctl/internal/verify/program"
)

func TestRunCode(t *testing.T) {
	s := runner(t)
	j := judge(t, program.Options{Runner: s})
	for _, c := range []struct {
		name, request string
		want          []string // parts of the answer
	}{
		{"runs", `{"code":"print(input())","language":"python","stdin":"x"}`,
			[]string{`"status":"Success"`, `"compile_result":null`, `"stdout":"x\n"`, `"return_code":0`, `"status":"Finished"`, `"executor_pod_name":null`}},
		{"no input", `{"code":"print(1)","language":"python","stdin":null,"files":{},"fetch_files":[],"memory_limit_MB":-1}`, []string{`"status":"Success"`}},
		{"exit code", `{"code":"exit(3)","language":"python"}`, []string{`"status":"Failed"`, `"return_code":3`}},
		{"killed", `{"code":"import os; os.kill(os.getpid(), 11)","language":"python"}`, []string{`"status":"Failed"`, `"return_code":-11`}},
		{"time", `{"code":"while True: pass","language":"python","run_timeout":0.5}`, []string{`"status":"Failed"`, `"status":"TimeLimitExceeded"`, `"return_code":null`}},
		{"memory", `{"code":"x = bytearray(300 << 20)","language":"python","memory_limit_MB":100}`, []string{`"status":"Failed"`, `MemoryError`}},
		{"files", `{"code":"open('b', 'w').write(open('a').read() * 2)","language":"python","files":{"a":"` + b64("xy") + `"},"fetch_files":["b","c"]}`,
			[]string{`"status":"Success"`, `"files":{"b":"` + b64("xyxy") + `"}`}},
		{"another language", `{"code":"x","language":"rust"}`, []string{`"status":"Failed"`, `not supported`, `"run_result":null`}},
		{"a file outside", `{"code":"x","language":"python","files":{"../a":"` + b64("x") + `"}}`, []string{`"status":"SandboxError"`}},
		{"no base64", `{"code":"x","language":"python","files":{"a":"%"}}`, []string{`"status":"Failed"`}},
		{"C++", `{"code":"#include <cstdio>\nint main(){puts(\"hi\");}","language":"cpp"}`, []string{`"status":"Success"`, `"stdout":"hi\n"`, `"compile_result":{"status":"Finished"`}},
		{"C++ with a mistake", `{"code":"int main(){","language":"cpp"}`, []string{`"status":"Failed"`, `"run_result":null`, `error:`}},
	} {
		if strings.HasPrefix(c.name, "C++") && s.Compiler() == "" {
			continue
		}
		var q program.RunCodeRequest
		if err := json.Unmarshal([]byte(c.request), &q); err != nil {
			t.Fatal(err)
		}
		answer, err := json.Marshal(j.RunCode(t.Context(), q))
		for _, want := range c.want {
			if err != nil || !strings.Contains(string(answer), want) {
				t.Errorf("%s: no %s in %s", c.name, want, answer)
			}
		}
	}
	for _, j := range []*program.Judge{judge(t, program.Options{}), judge(t, program.Options{Runner: &broken{s, 0}})} {
		if r := j.RunCode(t.Context(), program.RunCodeRequest{Language: "python"}); r.Status != "SandboxError" || r.Message == "" {
			t.Errorf("without a working sandbox: %+v", r)
		}
	}
}

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// BenchmarkPython judges a small program by one test, as many at once as places.
func BenchmarkPython(b *testing.B) {
	s, err := sandbox.New(b.Context(), sandbox.Options{})
	if err != nil {
		b.Skip(err)
	}
	b.Cleanup(s.Close)
	j := judge(b, program.Options{Runner: s})
	it := item(b, "python", "print(sum(map(int, input().split())))", `{"test_cases":[{"input":"1 2","output":"3"}]}`)
	b.SetParallelism(2)
	b.ResetTimer() // the self-test is no part of it
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if v := j.Verdict(b.Context(), it); v.Label != "correct" {
				b.Errorf("%+v", v)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "runs/s")
}
