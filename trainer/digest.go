package trainer

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
)

// tinyBase is where the shipped base model lies in Source.
const tinyBase = "r1trainer/assets/tiny-base"

// TinyBaseDigest identifies the content of the shipped base model: the sha256
// over the paths, sizes and bytes of its files in order of path.
func TinyBaseDigest() (string, error) {
	h := sha256.New()
	files := 0
	err := fs.WalkDir(Source, tinyBase, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		raw, err := fs.ReadFile(Source, path)
		if err != nil {
			return err
		}
		fmt.Fprintf(h, "%s\x00%d\x00", path, len(raw))
		h.Write(raw)
		return nil
	})
	if err != nil || files == 0 {
		return "", fmt.Errorf("read the shipped base model (%d files): %w", files, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
