package recipes

import (
	_ "embed"
	"fmt"
	"strings"

	"github.com/r1ctl/r1ctl/internal/r1"
)

//go:embed starter/recipe.yaml
var starter string

// starterName is the name of the recipe in starter.
const starterName = "my-recipe"

// Starter is a small commented recipe of that name, which loads and runs as it is. A
// name that no recipe may have is the r1.Error recipe-invalid.
func Starter(called string) (string, error) {
	if len(called) > maxName || !namePattern.MatchString(called) {
		return "", &r1.Error{
			Name:   "recipe-invalid",
			Detail: fmt.Sprintf("%q is no name of a recipe: expected %s", called, name{}.want()),
			Remedy: "r1ctl init " + starterName,
		}
	}
	return strings.ReplaceAll(starter, starterName, called), nil
}
