package record

import "time"

// StopFile is the name of a Stop.
const StopFile = "stop.json"

// Stop says that an attempt was asked to stop, and until when it may take.
type Stop struct {
	Requested time.Time `json:"requested"`
	Deadline  time.Time `json:"deadline"` // then it is killed
}

// AskStop writes that an attempt has grace from now on to stop. Asking again never gives it
// more time.
func AskStop(dir string, grace time.Duration) (Stop, error) {
	now := time.Now().UTC()
	stop := Stop{Requested: now, Deadline: now.Add(grace)}
	var before Stop
	asked, err := Read(dir, StopFile, &before)
	if err != nil {
		return stop, err
	}
	if asked {
		stop.Requested = before.Requested
		if before.Deadline.Before(stop.Deadline) {
			stop.Deadline = before.Deadline
		}
	}
	return stop, Write(dir, StopFile, stop)
}
