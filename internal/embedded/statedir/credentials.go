package statedir

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/wholefile"
)

// Credentials of the embedded S3 server. Printing them gives the access key only.
type Credentials struct {
	AccessKey string
	SecretKey string
}

func (c Credentials) String() string { return c.AccessKey + ":redacted" }

// GoString keeps the secret out of %#v.
func (c Credentials) GoString() string { return c.String() }

// CredentialsFile is an AWS shared credentials file, readable by its owner only,
// so that every S3 client can use it as it is (AWS_SHARED_CREDENTIALS_FILE).
func (d Dir) CredentialsFile() string { return d.file("s3-credentials") }

// Credentials gives the kept credentials, or makes random ones and keeps them.
// Only the holder of ServerLock may call it; others use ReadCredentials.
func (d Dir) Credentials() (Credentials, error) {
	c, err := ReadCredentials(d.CredentialsFile())
	if err == nil {
		return c, os.Chmod(d.CredentialsFile(), 0o600)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return Credentials{}, err
	}
	c = Credentials{AccessKey: "R1" + strings.ToUpper(randomHex(9)), SecretKey: randomHex(24)}
	text := fmt.Sprintf("[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n", c.AccessKey, c.SecretKey)
	return c, wholefile.Replace(d.CredentialsFile(), []byte(text), 0o600)
}

// ReadCredentials reads the first profile of a credentials file.
func ReadCredentials(file string) (Credentials, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return Credentials{}, fmt.Errorf("read S3 credentials: %w", err)
	}
	var c Credentials
	for line := range strings.Lines(string(raw)) {
		name, value, _ := strings.Cut(line, "=")
		switch strings.TrimSpace(name) {
		case "aws_access_key_id":
			c.AccessKey = strings.TrimSpace(value)
		case "aws_secret_access_key":
			c.SecretKey = strings.TrimSpace(value)
		}
	}
	if c.AccessKey == "" || c.SecretKey == "" {
		return Credentials{}, &r1.Error{
			Name:   "s3-credentials-invalid",
			Detail: fmt.Sprintf("%s does not hold aws_access_key_id and aws_secret_access_key", file),
			Remedy: fmt.Sprintf("delete %s to make new credentials; running attempts know only the old ones", file),
		}
	}
	return c, nil
}

func randomHex(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails: the runtime ends the program when the kernel has no randomness
	return hex.EncodeToString(b)
}
