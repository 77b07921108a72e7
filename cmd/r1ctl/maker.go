package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"

	"github.com/r1ctl/r1ctl/internal/config"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/trainerenv"
	"github.com/r1ctl/r1ctl/trainer"
)

// makerOf is what makes results with this binary and these settings.
func makerOf(cfg config.Config) (r1.Maker, error) {
	m := r1.Maker{R1ctl: versionString()}
	var err error
	if len(cfg.Trainer.Command) == 0 {
		m.Trainer, m.Environment, err = trainerenv.Digests(trainer.Source)
		return m, err
	}
	// Of a program of the user's own only its file is known.
	f, err := os.Open(cfg.Trainer.Command[0])
	if err != nil {
		return m, fmt.Errorf("read the program of trainer.command: %w", err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return m, fmt.Errorf("read the program of trainer.command: %w", err)
	}
	m.Trainer = hex.EncodeToString(h.Sum(nil))[:16]
	return m, nil
}
