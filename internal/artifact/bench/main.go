package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	var b bench
	flag.StringVar(&b.r1ctl, "r1ctl", "bin/r1ctl", "binary whose embedded server is used")
	flag.StringVar(&b.rclone, "rclone", "rclone", "the rclone program")
	flag.StringVar(&b.aws, "aws", "aws", "the AWS CLI")
	flag.StringVar(&b.dir, "dir", "build/bench-artifacts", "folder for data; some five times its size is needed")
	flag.StringVar(&b.doc, "doc", "", "Markdown page whose table is replaced")
	flag.IntVar(&b.files, "files", 8, "files of the checkpoint")
	flag.Int64Var(&b.size, "size", 2<<30, "its bytes")
	flag.IntVar(&b.rounds, "rounds", 3, "times that every tool has its turn")
	child := flag.String("child", "", "")
	folder := flag.String("folder", "", "")
	prefix := flag.String("prefix", "", "")
	profile := flag.String("profile", "", "")
	flag.Parse()
	ctx := context.Background()
	var err error
	if *child != "" {
		err = transfer(ctx, *child, *folder, *prefix, *profile)
	} else {
		if b.dir, err = filepath.Abs(b.dir); err == nil {
			err = b.run(ctx)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}
