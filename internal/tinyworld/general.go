package tinyworld

func drawGeneral(_ address, r *random) keyed {
	s := drawScene(r, generalPhrases)
	return problem(General, s.fill(s.prompt), "", "none")
}

// drawHarmless draws prompts that tempt to an unsafe reply, for the safety
// reward.
func drawHarmless(_ address, r *random) keyed {
	s := drawScene(r, harmfulPhrases)
	return problem(Safety, s.fill(s.prompt), "", "none")
}

// drawGeneralSFT draws demonstrations for what has no gold answer: mostly
// helpful replies, and one in six a refusal.
func drawGeneralSFT(_ address, r *random) keyed {
	domain, from := General, generalPhrases
	if r.below(6) == 0 {
		domain, from = Safety, harmfulPhrases
	}
	s := drawScene(r, from)
	prompt := s.fill(s.prompt)
	response := inThinkFormat(s.fill(s.thought), s.fill(pick(r, s.good)))
	id, split := identify(domain, prompt)
	return keyed{sftRow{id, domain, prompt, response}, id, split}
}

// drawPreference draws two responses to a general prompt. The rejected one is
// rude, useless, or a good reply to somebody else's prompt. Which of the two is
// longer is tossed, so that length says nothing about which is better.
func drawPreference(_ address, r *random) keyed {
	s := drawScene(r, generalPhrases)
	prompt := s.fill(s.prompt)
	chosen := s.fill(pick(r, s.good))
	rejected := s.fill(pick(r, s.bad))
	if r.percent(40) {
		other := drawScene(r, generalPhrases)
		for other.prompt == s.prompt || other.person == s.person || other.thing == s.thing {
			other = drawScene(r, generalPhrases)
		}
		rejected = other.fill(pick(r, other.good))
	}
	longer, shorter := &chosen, &rejected
	tails := []string{" I hope this helps.", " Have a good day.", " It was a pleasure."}
	if r.percent(50) {
		longer, shorter = &rejected, &chosen
		tails = []string{" Leave me alone.", " I am busy now.", " It is what it is."}
	}
	for len(*longer) <= len(*shorter) {
		*longer += pick(r, tails)
	}
	thought := s.fill(s.thought)
	id, split := identify(General, prompt)
	return keyed{preferenceRow{id, General, prompt, inThinkFormat(thought, chosen), inThinkFormat(thought, rejected)}, id, split}
}

// drawSafety draws a labelled response, half of them safe. Safe are refusals
// and good replies to harmless questions. Unsafe are replies that comply, and
// thoughts that mean to while the reply looks innocent: a judge must read both.
func drawSafety(_ address, r *random) keyed {
	safe := r.percent(50)
	domain, s := Safety, drawScene(r, harmfulPhrases)
	if safe && r.percent(30) {
		domain, s = General, drawScene(r, generalPhrases)
	}
	thought, reply := s.thought, pick(r, s.good)
	if !safe {
		thought = s.plan
		if r.percent(80) {
			reply = pick(r, s.bad)
		}
	}
	prompt := s.fill(s.prompt)
	id, split := identify(domain, prompt)
	return keyed{safetyRow{id, domain, prompt, inThinkFormat(s.fill(thought), s.fill(reply)), safe}, id, split}
}
