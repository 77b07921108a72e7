package hub

import (
	"bytes"
	"errors"
	"strings"

	"go.yaml.in/yaml/v3"
)

const cardFile = "README.md"

// card is what the card of a data set says of its files.
type card struct {
	licence string
	configs []config
}

// config is a named part of a data set.
type config struct {
	name   string
	first  bool // taken where none is named
	folder string
	splits []split // nil: by the names of the files
}

// split is files by pattern.
type split struct {
	name     string
	patterns []string
}

// readCard reads the YAML before the text of a card.
func readCard(text []byte) (card, error) {
	text = bytes.ReplaceAll(bytes.TrimPrefix(text, []byte("\uFEFF")), []byte("\r\n"), []byte("\n"))
	front, found := bytes.CutPrefix(text, []byte("---\n"))
	if !found {
		return card{}, nil
	}
	front, _, _ = bytes.Cut(front, []byte("\n---"))
	var y struct {
		License     yaml.Node `yaml:"license"`
		LicenseName string    `yaml:"license_name"`
		Configs     []struct {
			Name    string    `yaml:"config_name"`
			Files   yaml.Node `yaml:"data_files"`
			Folder  string    `yaml:"data_dir"`
			Default bool      `yaml:"default"`
		} `yaml:"configs"`
	}
	if err := yaml.Unmarshal(front, &y); err != nil {
		return card{}, err
	}
	c := card{licence: strings.Join(scalars(&y.License), ", ")}
	if c.licence == "other" && y.LicenseName != "" {
		c.licence = y.LicenseName
	}
	for _, from := range y.Configs {
		splits, err := splitsOf(&from.Files)
		if err != nil {
			return card{}, err
		}
		if from.Name == "" {
			from.Name = "default"
		}
		c.configs = append(c.configs, config{name: from.Name, first: from.Default, folder: strings.Trim(strings.TrimPrefix(from.Folder, "./"), "/"), splits: splits})
	}
	return c, nil
}

func scalars(n *yaml.Node) []string {
	switch n.Kind {
	case yaml.ScalarNode:
		return []string{n.Value}
	case yaml.SequenceNode:
		var out []string
		for _, e := range n.Content {
			out = append(out, e.Value)
		}
		return out
	}
	return nil
}

// splitsOf reads data_files in its three forms: patterns, a list of split and
// path, and a map of split to path.
func splitsOf(n *yaml.Node) ([]split, error) {
	switch {
	case n.IsZero():
		return nil, nil
	case n.Kind == yaml.MappingNode:
		var out []split
		for i := 0; i+1 < len(n.Content); i += 2 {
			out = append(out, split{n.Content[i].Value, scalars(n.Content[i+1])})
		}
		return out, nil
	case n.Kind == yaml.SequenceNode && len(n.Content) > 0 && n.Content[0].Kind == yaml.MappingNode:
		var list []struct {
			Split string    `yaml:"split"`
			Path  yaml.Node `yaml:"path"`
		}
		if err := n.Decode(&list); err != nil {
			return nil, err
		}
		var out []split
		for i := range list {
			out = append(out, split{list[i].Split, scalars(&list[i].Path)})
		}
		return out, nil
	}
	patterns := scalars(n)
	if len(patterns) == 0 {
		return nil, errors.New("data_files is neither a pattern, a list nor a map")
	}
	return []split{{"train", patterns}}, nil
}
