package s3server

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/versity/versitygw/backend"
	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
)

// Names the gateway uses and does not export.
const (
	claimedSuffix   = ".inprogress" // an upload being completed: <id>.<etag>.inprogress
	keyAttribute    = "objname"     // on the folder of a key's uploads
	uploadAttribute = "mp-metadata" // on an object that an upload made
)

// uploadDir is where the gateway keeps the uploads of a key, relative to the root.
func uploadDir(bucket, key string) string {
	return filepath.Join(bucket, posix.MetaTmpMultipartDir, fmt.Sprintf("%x", sha256.Sum256([]byte(key))))
}

// recoverUploads brings root into a state in which every request is answered
// truly. It runs before the first request, under the lock.
func recoverUploads(root string, stale time.Duration) error {
	claimed, err := filepath.Glob(filepath.Join(root, "*", posix.MetaTmpMultipartDir, "*", "*"+claimedSuffix))
	if err != nil {
		return err
	}
	for _, dir := range claimed {
		if err := unclaim(root, dir); err != nil {
			return err
		}
	}
	if err := removeTemporary(root); err != nil {
		return err
	}
	return removeStale(root, time.Now().Add(-stale))
}

// unclaim gives an upload its name back, so that its client can complete it
// again; where the object had already appeared, only the parts are left to remove.
func unclaim(root, dir string) error {
	id, _, _ := strings.Cut(filepath.Base(dir), ".")
	done, err := completed(root, filepath.Dir(dir), id)
	if err != nil {
		return err
	}
	if done {
		return os.RemoveAll(dir)
	}
	return os.Rename(dir, filepath.Join(filepath.Dir(dir), id))
}

// completed says whether the object of an upload exists and was made by it.
func completed(root, keyDir, id string) (bool, error) {
	var attrs meta.XattrMeta
	key, err := attrs.RetrieveAttribute(nil, keyDir, "", keyAttribute)
	if errors.Is(err, meta.ErrNoSuchKey) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read the key of upload %s: %w", id, err)
	}
	rel, err := filepath.Rel(root, keyDir)
	if err != nil {
		return false, err
	}
	bucket, _, _ := strings.Cut(rel, string(filepath.Separator))
	raw, err := attrs.RetrieveAttribute(nil, filepath.Join(root, bucket), string(key), uploadAttribute)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, meta.ErrNoSuchKey) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read the origin of object %s: %w", key, err)
	}
	made, err := backend.UnmarshalMpUploadMetadata(raw, false)
	if err != nil {
		return false, fmt.Errorf("read the origin of object %s: %w", key, err)
	}
	return made.UploadID == id, nil
}

// removeTemporary removes the data of requests that were cut off, which lies in
// named files where the file system has no unnamed ones.
func removeTemporary(root string) error {
	files, err := filepath.Glob(filepath.Join(root, "*", posix.MetaTmpDir, "*"))
	if err != nil {
		return err
	}
	for _, f := range files {
		info, err := os.Lstat(f)
		if err != nil {
			return err
		}
		if info.Mode().IsRegular() {
			if err := os.Remove(f); err != nil {
				return err
			}
		}
	}
	return nil
}

// removeStale removes uploads in which nothing happened since the given time.
func removeStale(root string, since time.Time) error {
	uploads, err := filepath.Glob(filepath.Join(root, "*", posix.MetaTmpMultipartDir, "*", "*"))
	if err != nil {
		return err
	}
	for _, dir := range uploads {
		info, err := os.Lstat(dir) // a new part changes the time of its folder
		if err != nil {
			return err
		}
		if !info.ModTime().Before(since) {
			continue
		}
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
		_ = os.Remove(filepath.Dir(dir)) // fails while the key has other uploads
	}
	return nil
}
