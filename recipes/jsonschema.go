package recipes

import (
	"regexp"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/verify/reward"
)

// A node of a JSON Schema.
type schema = map[string]any

// JSONSchema is the schema of recipe files (draft 7), made from the shapes that Load
// decodes by: for completion and checks in editors. It says less than Load: what needs
// several keys or stages together is left to r1ctl lint, and keys that a profile may
// fill in are not required.
func JSONSchema() map[string]any {
	all := kinds()
	root := closed(map[string]any{
		"recipe": describeSchema("name; run ids and S3 prefixes start with it", schemaOf(name{}, false)), "description": schemaOf(text{}, false),
		"default_profile": schemaOf(name{}, false), "seed": schemaOf(whole{0}, false), retriesKey: schemaOf(retriesShape(), true),
		"templates": tableOf(schemaOf(templateObject, true)),
		"stages":    schema{"type": "array", "minItems": 1, "items": refer("stage")},
		"profiles":  tableOf(refer("profile")),
	}, "recipe", "stages")
	root["$schema"], root["title"] = "http://json-schema.org/draft-07/schema#", "r1ctl recipe"
	definitions := map[string]any{"stage": stageSchema(all), "profile": profileSchema(all)}
	for _, k := range all {
		definitions[paramsOf(k)] = describeSchema(k.doc, schemaOf(object{fields: k.params}, true))
	}
	root["definitions"] = definitions
	return root
}

// paramsOf names the definition of a kind's parameters: stages, profiles and students share it.
func paramsOf(k kind) string { return string(k.name) + "-params" }

func refer(to string) schema { return schema{"$ref": "#/definitions/" + to} }

// describeSchema adds a description.
func describeSchema(doc string, s schema) schema {
	if doc == "" {
		return s
	}
	out := schema{"description": doc}
	for k, v := range s {
		out[k] = v
	}
	return out
}

// closed is a map with these keys alone. A key without a value counts as absent.
func closed(properties map[string]any, required ...string) schema {
	out := schema{"type": "object", "additionalProperties": false}
	nullable := map[string]any{}
	for key, p := range properties {
		s, _ := p.(schema)
		doc, _ := s["description"].(string)
		nullable[key] = describeSchema(doc, schema{"anyOf": []any{s, schema{"type": "null"}}})
	}
	for _, key := range required {
		nullable[key] = properties[key]
	}
	out["properties"] = nullable
	if len(required) > 0 {
		list := make([]any, len(required))
		for i, r := range required {
			list[i] = r
		}
		out["required"] = list
	}
	return out
}

func tableOf(elem schema) schema {
	return schema{"type": "object", "additionalProperties": schema{"anyOf": []any{elem, schema{"type": "null"}}}}
}

// references are the values of inputs.
func references() schema {
	return tableOf(schema{"type": "string", "pattern": `^[a-z0-9-]+\.([a-z0-9-]+|\*)$`})
}

// common are the keys of every stage.
func common() map[string]any {
	return map[string]any{
		"name":   schema{"type": "string", "pattern": `^[a-z0-9]+(-[a-z0-9]+)*(-?\*)?$`},
		"title":  schemaOf(text{}, false),
		"inputs": references(),
		"after":  schema{"type": "array", "items": schema{"type": "string"}},
		"gate":   schemaOf(gateShape(), false),
	}
}

// stageSchema is one variant a kind.
func stageSchema(all []kind) schema {
	var variants []any
	names := make([]any, len(all))
	for i, k := range all {
		names[i] = string(k.name)
		keys := common()
		keys["kind"] = schema{"const": string(k.name)}
		keys["params"] = refer(paramsOf(k))
		if k.name == r1.KindDistill {
			keys["students"] = studentsSchema(k)
		}
		of := schema{"properties": schema{"kind": schema{"const": string(k.name)}}}
		variants = append(variants, schema{"if": of, "then": closed(keys, "name", "kind")})
	}
	return schema{
		"type": "object", "required": []any{"name", "kind"}, "properties": schema{"kind": schema{"enum": names}}, "allOf": variants,
	}
}

func studentsSchema(k kind) schema {
	own := map[string]any{"name": schemaOf(name{}, false), "inputs": references(), "params": refer(paramsOf(k))}
	for _, f := range k.params {
		if f.name == "source" || f.name == "architecture" {
			own[f.name] = describeSchema(f.doc, schemaOf(f.shape, false))
		}
	}
	return schema{"type": "array", "items": closed(own, "name")}
}

// profileSchema is an overlay: its stages have a name, and perhaps no kind.
func profileSchema(all []kind) schema {
	keys := common()
	var params, kindNames []any
	for _, k := range all {
		params = append(params, refer(paramsOf(k)))
		kindNames = append(kindNames, string(k.name))
		if k.name == r1.KindDistill {
			keys["students"] = studentsSchema(k)
		}
	}
	keys["kind"], keys["params"] = schema{"enum": kindNames}, schema{"anyOf": params}
	keys["add"], keys["omit"] = schema{"type": "boolean"}, schema{"type": "boolean"}
	return closed(map[string]any{
		"description": schemaOf(text{}, false), "extends": schemaOf(name{}, false),
		"seed": schemaOf(whole{0}, false), retriesKey: schemaOf(retriesShape(), true),
		"templates": tableOf(schemaOf(templateObject, true)),
		"stages":    schema{"type": "array", "items": closed(keys, "name")},
	})
}

// schemaOf is the schema of a shape. Of a partial map no key is required: another part of
// the file may have it.
func schemaOf(s shape, partial bool) schema {
	switch t := s.(type) {
	case text:
		return patterned(t.pattern)
	case name:
		out := patterned(namePattern)
		out["maxLength"] = maxName
		return out
	case whole:
		return schema{"type": "integer", "minimum": t.min, "maximum": maxWhole}
	case number:
		return numberSchema(t)
	case boolean:
		return schema{"type": "boolean"}
	case enum:
		values := make([]any, len(t))
		for i, v := range t {
			values[i] = v
		}
		return schema{"enum": values}
	case list:
		out := schema{"type": "array", "items": schemaOf(t.elem, false)}
		if t.filled {
			out["minItems"] = 1
		}
		return out
	case table:
		return tableOf(schemaOf(t.elem, false))
	case columnNames:
		properties := map[string]any{}
		for _, f := range t.fields {
			properties[f] = schemaOf(text{}, false)
		}
		return closed(properties)
	case sharesShape:
		return tableOf(schemaOf(t.elem, false))
	case object:
		return objectSchema(t.fields, partial)
	case tagged:
		return taggedSchema(t)
	case rewardShape:
		return rewardSchema(t)
	case paramShape:
		return paramSchema(t)
	case template:
		return schema{"anyOf": []any{schema{"type": "string"}, schemaOf(templateObject, true)}}
	case changing:
		return schema{"anyOf": []any{schemaOf(t.value, false), schemaOf(t.entries, false)}}
	case address, place, duration, condition:
		return schema{"type": "string", "minLength": 1, "description": "expected " + s.want()}
	}
	return schema{"description": "expected " + s.want()} // Load says the rest
}

func patterned(p *regexp.Regexp) schema {
	out := schema{"type": "string", "minLength": 1}
	if p != nil {
		out["pattern"] = p.String()
	}
	return out
}

func numberSchema(t number) schema {
	out := schema{"type": "number"}
	if t.above {
		out["exclusiveMinimum"] = t.min
	} else {
		out["minimum"] = t.min
	}
	if t.max != 0 {
		out["maximum"] = t.max
	}
	return out
}

func objectSchema(fields []field, partial bool) schema {
	properties := map[string]any{}
	var required []string
	for _, f := range fields {
		s := describeSchema(f.doc, schemaOf(f.shape, partial))
		switch f.value.(type) {
		case string, bool, int64, float64:
			s["default"] = f.value
		}
		properties[f.name] = s
		if f.required && !partial {
			required = append(required, f.name)
		}
	}
	return closed(properties, required...)
}

// taggedSchema has a variant for each value of the key.
func taggedSchema(t tagged) schema {
	var names, variants []any
	for _, v := range t.variants {
		names = append(names, v.name)
		of := objectSchema(append([]field{{name: t.key, shape: enum{v.name}, required: true, doc: v.doc}}, v.fields...), false)
		variants = append(variants, schema{"if": schema{"properties": schema{t.key: schema{"const": v.name}}}, "then": of})
	}
	return schema{"type": "object", "required": []any{t.key}, "properties": schema{t.key: schema{"enum": names}}, "allOf": variants}
}

// rewardSchema is a known reward, or one of a name of its own.
func rewardSchema(t rewardShape) schema {
	known := []any{taggedSchema(t.tagged)}
	for _, key := range []string{reward.Python, reward.URL} {
		if def := t.own[key]; def != nil {
			v := rewardVariant(def, t.common)
			of := objectSchema(append([]field{{name: "name", shape: ownName, required: true, doc: v.doc}}, v.fields...), false)
			of["required"] = []any{"name", key}
			known = append(known, of)
		}
	}
	return schema{"anyOf": known}
}

func paramSchema(t paramShape) schema {
	out := schema{"description": "expected " + t.want()}
	switch t.Type {
	case reward.Number, reward.Whole:
		out["type"] = "number"
		if t.Least != nil {
			out["minimum"] = *t.Least
		}
	case reward.Flag:
		out["type"] = "boolean"
	}
	return out
}
