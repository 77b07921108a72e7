package activities

import (
	"errors"
	"fmt"

	"go.temporal.io/sdk/temporal"

	"github.com/r1ctl/r1ctl/internal/chat"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// permanent is an error that no retry can cure.
func permanent(name, format string, args ...any) error {
	return temporal.NewNonRetryableApplicationError(fmt.Sprintf(format, args...), name, nil)
}

// classify makes an error of the user-facing kind permanent: its remedy is a
// person's, so retrying only hides it.
func classify(err error) error {
	var away *chat.Failure
	if errors.As(err, &away) && away.Class == r1.ClassInfrastructure { // an endpoint's outage ends by itself
		return err
	}
	var user *r1.Error
	if errors.As(err, &user) {
		return temporal.NewNonRetryableApplicationError(err.Error(), user.Name, nil, user.Remedy)
	}
	return err
}
