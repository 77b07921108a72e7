package recipes

import (
	"go.yaml.in/yaml/v3"
)

// Policies of guards, and how often one rolls a job back where a recipe does not say.
const (
	rollBack  = "roll-back"
	rollsBack = int64(2)
)

// guards is the parameter that sets the guards of a kind. A result is the same
// whether somebody watched it or not, so it is inert but for those that roll
// back: these change parameters. midway are the parameters that a roll-back may change.
func guards(of []guard, midway ...field) field {
	shape, values := object{what: "a map of guards"}, map[string]any{}
	for _, g := range of {
		policy := field{name: "do", shape: enum{"warn", "stop", rollBack, "off"}, value: "warn"}
		if g.always {
			policy = field{name: "do", shape: enum{"stop", rollBack}, value: "stop"}
		}
		fields := append([]field{policy}, g.fields...)
		value := map[string]any{}
		for _, f := range fields {
			value[f.name] = f.value
		}
		fields = append(fields,
			field{name: "change", shape: changes(midway)},
			field{name: "most", shape: whole{1}})
		one := object{what: "a map such as {do: warn}", fields: fields, check: checkPolicy}
		shape.fields = append(shape.fields, field{name: g.name, shape: one, value: value, doc: g.doc})
		values[g.name] = value
	}
	return field{name: "guards", shape: shape, value: values, inert: true, bears: rollingBack, doc: "signs of trouble that are looked for; [below](#guards)"}
}

// changes is what a roll-back makes of parameters.
func changes(midway []field) shape {
	out := object{what: "a map of parameters, each {times: x} or {to: x}", check: filled}
	for _, f := range midway {
		out.fields = append(out.fields, field{name: f.name, shape: object{
			what: "a map {times: x} or {to: x}", check: checkChange,
			fields: []field{{name: "times", shape: number{above: true}}, {name: "to", shape: f.shape}},
		}})
	}
	return out
}

func filled(d *decoder, n *yaml.Node, path string, v map[string]any) bool {
	if len(v) == 0 {
		d.add(n, path, "expected at least one parameter, such as {learning_rate: {times: 0.5}}")
	}
	return len(v) > 0
}

func checkChange(d *decoder, n *yaml.Node, path string, v map[string]any) bool {
	switch {
	case len(v) != 1:
		d.add(n, path, "expected either times or to")
		return false
	case v["times"] == 1.0:
		d.add(at(n, "times"), path+".times", "1 times a value changes nothing")
		return false
	}
	return true
}

// checkPolicy completes a guard that rolls back. One that was made not to (do is
// written, perhaps by a profile) may keep what it would change.
func checkPolicy(d *decoder, n *yaml.Node, path string, v map[string]any) bool {
	_, change := v["change"]
	_, most := v["most"]
	switch {
	case v["do"] == rollBack && !change:
		d.add(n, path, "change is missing: a roll-back with the same parameters would meet the same again; such as {learning_rate: {times: 0.5}}")
		return false
	case v["do"] == rollBack && !most:
		v["most"] = rollsBack
	case (change || most) && lookup(n, "do") == nil:
		d.add(n, path, "change and most are for do: %s, which is missing", rollBack)
		return false
	}
	return true
}

// rollingBack are the guards that bear on the result, with all that is said of them.
func rollingBack(v any) any {
	out := map[string]any{}
	all, _ := v.(map[string]any)
	for name, g := range all {
		if g, _ := g.(map[string]any); g["do"] == rollBack {
			out[name] = g
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// checkRollbacks sees that no roll-back leads a parameter out of its bounds, or leaves
// all as it is. n holds the parameters as they are written.
func (d *decoder) checkRollbacks(n *yaml.Node, path string, fields []field, params map[string]any) {
	all, _ := params["guards"].(map[string]any)
	for name := range all {
		g, _ := all[name].(map[string]any)
		if g["do"] != rollBack {
			continue
		}
		node := at(at(at(n, "guards"), name), "change")
		for param, rule := range g["change"].(map[string]any) {
			times, ok := rule.(map[string]any)["times"].(float64)
			from, known := params[param].(float64)
			if !ok || !known {
				continue
			}
			where := join(path, "guards."+name+".change."+param)
			if from == 0 {
				d.add(at(node, param), where, "%s is 0, and stays 0 times %g: expected {to: x}", param, times)
				continue
			}
			bounds, _ := object{fields: fields}.field(param).shape.(number)
			to := from
			for range g["most"].(int64) {
				to *= times
			}
			if bounds.max != 0 && to > bounds.max {
				d.add(at(node, param), where, "%s: %g becomes %g with %s; expected %s", param, from, to, count(int(g["most"].(int64)), "roll-back"), bounds.want())
			}
		}
	}
}
