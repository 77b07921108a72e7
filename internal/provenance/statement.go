package provenance

import (
	"encoding/json"
	"fmt"
	"strings"

	slsa "github.com/in-toto/attestation/go/predicates/provenance/v1"
	intoto "github.com/in-toto/attestation/go/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// BuildType names how the statement is to be read: docs/artifacts.md describes it.
const BuildType = "https://github.com/r1ctl/r1ctl/blob/main/docs/artifacts.md#provenance"

const predicateType = "https://slsa.dev/provenance/v1"

// Statement writes the record as an in-toto statement with SLSA v1 provenance. Its
// subjects are the artifact's files. It is not signed.
func (r *Record) Statement() ([]byte, error) {
	predicate, err := r.predicate()
	if err != nil {
		return nil, fmt.Errorf("write the provenance: %w", err)
	}
	st := &intoto.Statement{Type: intoto.StatementTypeUri, PredicateType: predicateType, Predicate: predicate}
	for _, f := range r.Files {
		st.Subject = append(st.Subject, &intoto.ResourceDescriptor{Name: f.Path, Digest: map[string]string{"sha256": f.SHA256}})
	}
	if err := st.Validate(); err != nil {
		return nil, fmt.Errorf("check the provenance: %w", err)
	}
	raw, err := protojson.Marshal(st)
	if err != nil {
		return nil, fmt.Errorf("write the provenance: %w", err)
	}
	// protojson varies its white space on purpose; equal records must give equal bytes.
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		return nil, err
	}
	return json.MarshalIndent(v, "", "  ")
}

func (r *Record) predicate() (*structpb.Struct, error) {
	external, err := toStruct(map[string]any{
		"recipe": r.Recipe, "profile": r.Profile, "stage": r.Stage, "job": r.Job, "kind": r.Kind, "seed": r.Seed, "params": r.Params,
	})
	if err != nil {
		return nil, err
	}
	internal, err := toStruct(map[string]any{"fingerprint": r.Fingerprint, "maker": r.Maker, "rollbacks": r.Rollbacks, "behind": r.Behind})
	if err != nil {
		return nil, err
	}
	p := &slsa.Provenance{
		BuildDefinition: &slsa.BuildDefinition{BuildType: BuildType, ExternalParameters: external, InternalParameters: internal},
		RunDetails: &slsa.RunDetails{
			Builder:  &slsa.Builder{Id: "https://github.com/r1ctl/r1ctl"},
			Metadata: &slsa.BuildMetadata{InvocationId: fmt.Sprintf("%s/%s/%s/%d", r.Run, r.Stage, r.Job, r.Attempt), StartedOn: timestamppb.New(r.Started), FinishedOn: timestamppb.New(r.Ended)},
		},
	}
	if r.Maker != nil && r.Maker.R1ctl != "" {
		p.RunDetails.Builder.Version = map[string]string{"r1ctl": r.Maker.R1ctl}
	}
	p.BuildDefinition.ResolvedDependencies = r.dependencies()
	if err := p.Validate(); err != nil {
		return nil, err
	}
	raw, err := protojson.Marshal(p)
	if err != nil {
		return nil, err
	}
	out := &structpb.Struct{}
	return out, protojson.Unmarshal(raw, out)
}

// dependencies are the recipe, the locked environment and the inputs.
func (r *Record) dependencies() []*intoto.ResourceDescriptor {
	list := []*intoto.ResourceDescriptor{{Name: "recipe " + r.Recipe, Digest: map[string]string{"sha256": r.RecipeSHA256}}}
	if e := r.Maker; e != nil && e.Lock != "" {
		list = append(list, &intoto.ResourceDescriptor{Name: "requirements.lock", Digest: map[string]string{"sha256": e.Lock}})
	}
	for _, in := range r.Inputs {
		// The digest of an artifact is that of its list of files, not of one file's bytes: hence a name of its own.
		list = append(list, &intoto.ResourceDescriptor{Name: in.Name, Uri: in.URI, Digest: map[string]string{"r1ctlContent": strings.ToLower(in.SHA256)}})
	}
	return list
}

func toStruct(v any) (*structpb.Struct, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	out := &structpb.Struct{}
	return out, protojson.Unmarshal(raw, out)
}
