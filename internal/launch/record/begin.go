package record

import (
	"fmt"
	"os"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// Present says whether the folder of all attempts can be seen. While it cannot (its disk is
// not mounted, say), nothing is known of any attempt, which is not the same as that there is
// none.
func Present(root string) error {
	if _, err := os.Stat(root); err != nil {
		return fmt.Errorf("look for the attempts: %w", err)
	}
	return nil
}

// Argv is what an attempt runs.
func Argv(command []string, a r1.Launch) []string {
	return append(append([]string(nil), command...), "--bucket", a.Bucket, "--spec", a.SpecKey)
}

// Environ adds to env what of this process's environment is passed on to the attempt, and
// where its S3 credentials are.
func Environ(env []string, a r1.Launch, credentialsFile string) []string {
	env = append([]string(nil), env...)
	for _, name := range a.Pass {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	if credentialsFile != "" {
		env = append(env, "R1CTL_CREDENTIALS_FILE="+credentialsFile)
	}
	return env
}
