package temporal

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"os"
	"path/filepath"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/server/common/persistence/sql/sqlplugin"
	schema "go.temporal.io/server/schema/sqlite"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/r1ctl/r1ctl/internal/embedded/statedir"
)

// prepareDatabase gives the file to open, with schema and namespace in it.
func (c Config) prepareDatabase() (string, error) {
	file, err := c.databaseFile()
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		if err := c.createDatabase(file); err != nil {
			return "", fmt.Errorf("create database %s: %w", file, err)
		}
	} else if err != nil {
		return "", fmt.Errorf("open database: %w", err)
	}
	attributes := make(map[string]enumspb.IndexedValueType, len(c.SearchAttributes))
	for _, name := range c.SearchAttributes {
		attributes[name] = enumspb.INDEXED_VALUE_TYPE_KEYWORD
	}
	ns, err := schema.NewNamespaceConfig(clusterName, c.Namespace, false, attributes)
	if err != nil {
		return "", fmt.Errorf("describe namespace %s: %w", c.Namespace, err)
	}
	ns.Detail.Config.Retention = durationpb.New(c.Retention)
	if err := schema.CreateNamespaces(c.sql(file, "wal"), ns); err != nil { // nothing happens to one that exists
		return "", fmt.Errorf("create namespace %s: %w", c.Namespace, err)
	}
	return file, nil
}

// createDatabase makes the schema in another file first: one that was cut off
// could be neither used nor completed.
func (c Config) createDatabase(file string) error {
	tmp := file + ".new"
	for _, old := range []string{tmp, tmp + "-journal"} {
		if err := os.Remove(old); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := schema.SetupSchema(c.sql(tmp, "delete")); err != nil {
		return err
	}
	if err := os.Rename(tmp, file); err != nil {
		return err
	}
	return statedir.SyncPath(filepath.Dir(file))
}

// schemaID identifies the schema by a digest of the statements that make it.
func schemaID() (string, error) {
	rec := &recorder{hash: sha256.New()}
	if err := schema.SetupSchemaOnDB(rec); err != nil {
		return "", err
	}
	return hex.EncodeToString(rec.hash.Sum(nil))[:12], nil
}

// recorder is a database that only takes note of the statements.
type recorder struct {
	sqlplugin.AdminDB
	hash hash.Hash
}

// Exec notes a statement.
func (r *recorder) Exec(stmt string, _ ...any) error {
	fmt.Fprintf(r.hash, "%s\x00", stmt)
	return nil
}
