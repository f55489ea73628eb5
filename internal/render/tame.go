package render

import (
	"reflect"
	"strings"
	"unicode"
)

// tame takes out of the texts of a value what a terminal, or a log that is read by
// a build service, would obey instead of showing it: control characters, marks of
// writing direction, the workflow commands of GitHub and Azure Pipelines. What a
// cluster says of itself is written by many hands. JSON is not tamed: it escapes.
// https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands
func tame(v any) { tameValue(reflect.ValueOf(v)) }

func tameValue(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			tameValue(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				tameValue(v.Field(i))
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			tameValue(v.Index(i))
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			k, e := reflect.New(key.Type()).Elem(), reflect.New(v.Type().Elem()).Elem()
			k.Set(key)
			e.Set(v.MapIndex(key))
			tameValue(k)
			tameValue(e)
			v.SetMapIndex(key, reflect.Value{})
			v.SetMapIndex(k, e)
		}
	case reflect.String:
		if s := v.String(); v.CanSet() && tamed(s) != s {
			v.SetString(tamed(s))
		}
	}
}

// tamed is a text in one line that only shows.
func tamed(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsPrint(r):
			return r
		case unicode.IsSpace(r):
			return ' '
		}
		return unicode.ReplacementChar
	}, s)
	s = strings.ReplaceAll(s, "##", "# #")
	if strings.HasPrefix(strings.TrimLeft(s, " "), "::") {
		s = strings.Replace(s, "::", ": :", 1)
	}
	return s
}
