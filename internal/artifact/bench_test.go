package artifact

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/r1ctl/r1ctl/internal/artifact/gatewaytest"
)

// BenchmarkTransfer moves 256 MiB in two files through the store, with all its
// checks, and with plain requests of the SDK as it comes, one after the other.
func BenchmarkTransfer(b *testing.B) {
	const size = 128 << 20
	cfg := testConfig()
	cfg.DedupMin = 1 << 40 // every round moves the bytes
	s, err := New(b.Context(), cfg)
	if err != nil {
		b.Fatal(err)
	}
	if err := s.EnsureBucket(b.Context()); err != nil {
		b.Fatal(err)
	}
	dir := b.TempDir()
	names := []string{"a.safetensors", "b.safetensors"}
	for i, name := range names {
		if err := os.WriteFile(filepath.Join(dir, name), noisy(size, byte(i)), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	plain := s3.New(s3.Options{BaseEndpoint: &cfg.Endpoint, Region: defaultRegion, UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(gatewaytest.Access, gatewaytest.Secret, "")})
	a, err := s.Upload(b.Context(), dir, options("p/seed"))
	if err != nil {
		b.Fatal(err)
	}
	rounds := 0
	for _, c := range []struct {
		name string
		move func(b *testing.B, to string) error
	}{
		{"up/store", func(b *testing.B, _ string) error {
			rounds++
			prefix := "p/" + string(rune('a'+rounds%26))
			if err := s.Delete(b.Context(), manifestKey(prefix)); err != nil {
				return err
			}
			for _, name := range names {
				if err := s.Delete(b.Context(), prefix+"/"+name); err != nil {
					return err
				}
			}
			_, err := s.Upload(b.Context(), dir, options(prefix))
			return err
		}},
		{"up/plain-sdk", func(b *testing.B, _ string) error {
			for _, name := range names {
				f, err := os.Open(filepath.Join(dir, name))
				if err != nil {
					return err
				}
				_, err = plain.PutObject(b.Context(), &s3.PutObjectInput{Bucket: &cfg.Bucket, Key: aws.String("q/" + name), Body: f})
				f.Close()
				if err != nil {
					return err
				}
			}
			return nil
		}},
		{"down/store", func(b *testing.B, to string) error { return s.Download(b.Context(), a, to, DownloadOptions{}) }},
		{"down/plain-sdk", func(b *testing.B, to string) error {
			for _, name := range names {
				out, err := plain.GetObject(b.Context(), &s3.GetObjectInput{Bucket: &cfg.Bucket, Key: aws.String("p/seed/" + name)})
				if err != nil {
					return err
				}
				f, err := os.Create(filepath.Join(to, name))
				if err != nil {
					return err
				}
				_, err = io.Copy(f, out.Body)
				out.Body.Close()
				if closeErr := f.Close(); err == nil {
					err = closeErr
				}
				if err != nil {
					return err
				}
			}
			return nil
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(2 * size)
			for b.Loop() {
				b.StopTimer()
				to := b.TempDir()
				b.StartTimer()
				if err := c.move(b, to); err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				os.RemoveAll(to)
				b.StartTimer()
			}
		})
	}
}
