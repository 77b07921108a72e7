package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime/pprof"

	"github.com/r1ctl/r1ctl/internal/artifact"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// endpoint is what a child is told in its environment: keys stay out of arguments.
type endpoint struct {
	URL, Region, Bucket, Access, Secret string
}

func (e endpoint) env() []string {
	return []string{
		"AWS_ENDPOINT_URL=" + e.URL, "AWS_REGION=" + e.Region, "AWS_DEFAULT_REGION=" + e.Region, "BENCH_BUCKET=" + e.Bucket,
		"AWS_ACCESS_KEY_ID=" + e.Access, "AWS_SECRET_ACCESS_KEY=" + e.Secret, "AWS_EC2_METADATA_DISABLED=true",
		"RCLONE_CONFIG_BENCH_TYPE=s3", "RCLONE_CONFIG_BENCH_PROVIDER=Other", "RCLONE_CONFIG_BENCH_ENV_AUTH=true",
		"RCLONE_CONFIG_BENCH_ENDPOINT=" + e.URL, "RCLONE_CONFIG_BENCH_REGION=" + e.Region, "RCLONE_CONFIG=/dev/null",
	}
}

// store opens the store of the environment.
func store(ctx context.Context) (*artifact.Store, error) {
	return artifact.New(ctx, artifact.Config{
		Endpoint: os.Getenv("AWS_ENDPOINT_URL"), Region: os.Getenv("AWS_REGION"), Bucket: os.Getenv("BENCH_BUCKET"),
		AccessKey: os.Getenv("AWS_ACCESS_KEY_ID"), SecretKey: os.Getenv("AWS_SECRET_ACCESS_KEY"), PathStyle: true, Embedded: true,
	})
}

// transfer is the child: one upload or download, with all that the store does.
func transfer(ctx context.Context, what, folder, prefix, profile string) error {
	s, err := store(ctx)
	if err != nil {
		return err
	}
	if profile != "" {
		f, err := os.Create(profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	switch what {
	case "up":
		a, err := s.Upload(ctx, folder, artifact.UploadOptions{Name: "bench.model", Type: r1.TypeModel, Prefix: prefix,
			Producer: r1.JobKey{Run: "bench", Stage: "bench", Job: r1.MainJob}.Attempt(1)})
		if err != nil {
			return err
		}
		return json.NewEncoder(os.Stdout).Encode(a)
	case "down":
		return s.Download(ctx, r1.Artifact{Name: "bench.model", Prefix: prefix}, folder, artifact.DownloadOptions{})
	}
	return fmt.Errorf("unknown transfer %q", what)
}
