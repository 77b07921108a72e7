package trainer

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// tinyModels is where the shipped models lie in Source, tiny-NAME each.
const tinyModels = "r1trainer/assets/tiny-"

// TinyModels names the shipped models: NAME is the source tiny://NAME.
func TinyModels() []string {
	// The pattern is constant and right, so there is no error to meet.
	folders, _ := fs.Glob(Source, tinyModels+"*")
	for i, folder := range folders {
		folders[i] = strings.TrimPrefix(path.Base(folder), path.Base(tinyModels))
	}
	return folders
}

// TinyModelDigest identifies the content of a shipped model: the sha256 over the
// paths, sizes and bytes of its files in order of path.
func TinyModelDigest(name string) (string, error) {
	h := sha256.New()
	files := 0
	err := fs.WalkDir(Source, tinyModels+name, func(path string, d fs.DirEntry, err error) error {
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
		return "", fmt.Errorf("read the shipped model %s (%d files): %w", name, files, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
