package yamledit

import (
	"errors"
	"strconv"
	"strings"
)

// maxData bounds how many values a node may stand for: an alias that is used often
// stands for many.
const maxData = 1 << 17

var errMuch = errors.New("its aliases stand for too many values")

// Data is what a node stands for, as encoding/json has it: nil, bool, float64,
// string, []any, map[string]any. Aliases and merge keys are followed. Plain scalars
// are read as kubectl does (sigs.k8s.io/yaml), by YAML 1.1: yes and 0x10 are no
// texts; neither are they as keys. The error is for aliases that
// stand for more values than anybody writes.
func (n *Node) Data() (any, error) {
	left := maxData
	return n.data(&left)
}

func (n *Node) data(left *int) (any, error) {
	if *left--; *left < 0 {
		return nil, errMuch
	}
	switch n = n.Resolve(); {
	case n == nil:
		return nil, nil
	case n.Kind == Sequence:
		list := make([]any, 0, len(n.Content))
		for _, c := range n.Content {
			v, err := c.data(left)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		return list, nil
	case n.Kind == Mapping:
		all := map[string]any{}
		return all, n.into(all, left)
	}
	return n.scalar(), nil
}

// into puts the entries of a mapping into a map: of what it merges, only what is
// not its own.
func (n *Node) into(all map[string]any, left *int) error {
	var merged []*Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		if k.Kind == Scalar && k.Style == Plain && k.Value == "<<" {
			if merged = append(merged, v.Items()...); v.Resolve().Kind == Mapping {
				merged = append(merged, v)
			}
			continue
		}
		value, err := v.data(left)
		if err != nil {
			return err
		}
		all[k.Resolve().keyText()] = value
	}
	for _, m := range merged {
		v, err := m.data(left)
		if err != nil {
			return err
		}
		other, _ := v.(map[string]any)
		for k, value := range other {
			if _, own := all[k]; !own {
				all[k] = value
			}
		}
	}
	return nil
}

// keyText is what a key is called.
func (n *Node) keyText() string {
	if n.Kind != Scalar {
		return ""
	}
	switch v := n.scalar().(type) {
	case bool:
		return strconv.FormatBool(v)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	return n.Value
}

// scalar is what a scalar stands for.
func (n *Node) scalar() any {
	if n.Style != Plain || n.Tag != "" && n.Tag != "!!int" && n.Tag != "!!float" && n.Tag != "!!bool" && n.Tag != "!!null" {
		return n.Value
	}
	switch n.Value {
	case "", "~", "null", "Null", "NULL":
		return nil
	case "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", "y", "Y":
		return true
	case "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF", "n", "N":
		return false
	}
	if strings.ContainsRune("0123456789+-.", rune(n.Value[0])) {
		if v, ok := numeric(strings.ReplaceAll(n.Value, "_", "")); ok {
			return v
		}
	}
	return n.Value
}

// numeric reads a number of YAML 1.1.
func numeric(s string) (float64, bool) {
	if v, err := strconv.ParseInt(s, 0, 64); err == nil {
		return float64(v), true
	}
	if v, err := strconv.ParseUint(s, 0, 64); err == nil {
		return float64(v), true
	}
	if strings.ContainsAny(s, "xXpPiInN") { // hexadecimal fractions, Inf and NaN are none of YAML's
		return 0, false
	}
	v, err := strconv.ParseFloat(s, 64)
	return v, err == nil
}
