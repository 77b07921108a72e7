package tinyworld

import "strings"

// ZeroTemplate is the template of R1-Zero, as the paper prints it. The tiny
// tokenizer knows the text before and the text after the prompt as one token
// each, so the laptop profile can afford it.
const ZeroTemplate = "A conversation between User and Assistant. The user asks a question, and the Assistant solves it. " +
	"The assistant first thinks about the reasoning process in the mind and then provides the user with the answer. " +
	"The reasoning process and answer are enclosed within <think> </think> and <answer> </answer> tags, respectively, " +
	"i.e., <think> reasoning process here </think> <answer> answer here </answer>. User: {prompt}. Assistant:"

// The composition of the web, in percent. What is not the others is the last.
const (
	sharePuzzles    = 88 // else general text
	shareArithmetic = 47 // of puzzles
	shareLogic      = 27 // of puzzles
	shareCode       = 14 // of puzzles, else science

	// Long chains are rare, so that the base model knows how they go and often fails:
	// what practice can still improve, when sampling at low temperature cannot.
	shareLong = 1 // of the arithmetic

	shareZero  = 60 // of puzzles in the Zero template
	sharePlain = 20 // of puzzles without any, else in chat form

	shareThought             = 30 // of answers in the Zero template: worked out step by step
	shareMalformed           = 20 // of answers in the Zero template: in no readable format, else answered at once
	shareArithmeticElsewhere = 50 // of answers in other forms: worked out step by step
	shareOthersElsewhere     = 85 // the same for the other domains, whose steps are copied less easily

	shareNoisyStep   = 3  // of the steps of a thought
	shareNoisyAnswer = 10 // of the answers given at once
	shareChinese     = 20 // of the thoughts in arithmetic, at least partly
)

// drawDocument draws one text of the web. Its prompts are train prompts.
func drawDocument(_ address, r *random) keyed {
	var text string
	if r.percent(sharePuzzles) {
		text = puzzleDocument(r)
	} else {
		text = generalDocument(r)
	}
	return keyed{textRow{text}, text, Train}
}

func puzzleDocument(r *random) string {
	draw := puzzle(r)
	c := draw(r)
	for !isTrain(c.domain, c.prompt) {
		c = draw(r)
	}
	switch form := r.below(100); {
	case form < shareZero:
		return strings.ReplaceAll(ZeroTemplate, "{prompt}", c.prompt) + zeroAnswer(c, r)
	case form < shareZero+sharePlain:
		return c.prompt + " " + plainAnswer(c, r)
	default:
		return asChat(c.prompt, chatAnswer(c, r))
	}
}

// puzzle picks what kind of puzzle a document is about.
func puzzle(r *random) func(r *random) chain {
	switch kind := r.below(100); {
	case kind < shareArithmetic:
		return func(r *random) chain {
			if r.percent(shareLong) {
				return newArithmetic(r, arithmeticLongSteps.least, arithmeticLongSteps.most)
			}
			return newArithmetic(r, arithmeticSteps.least, arithmeticSteps.most)
		}
	case kind < shareArithmetic+shareLogic:
		return func(r *random) chain { return newLogic(r, logicSteps.least, logicSteps.most) }
	case kind < shareArithmetic+shareLogic+shareCode:
		return newCode
	default:
		return func(r *random) chain { return newScience(r, scienceSteps.least, scienceSteps.most) }
	}
}

// zeroAnswer answers in the format the Zero template asks for, more or less.
func zeroAnswer(c chain, r *random) string {
	switch kind := r.below(100); {
	case kind < shareThought:
		thought, answer := think(c, r)
		return "<think>" + thought + "</think><answer>" + c.written(answer) + "</answer>"
	case kind < shareThought+shareMalformed:
		answer := guess(c, r)
		bare, full := c.bare(answer), c.written(answer)
		return pick(r, []string{
			bare,
			"<answer>" + bare + "</answer>",
			"<think></think><answer>" + full + "</answer>",
			"<think>" + answer + "</think>" + bare,
			"<think>" + answer + "<answer>" + full + "</answer>",
			"The answer is " + bare + ".",
		})
	default:
		// A thought that opens alike whatever the answer: the most likely opening of
		// all, so that even at low temperature the base model mostly guesses.
		answer := guess(c, r)
		return "<think>It is " + answer + ".</think><answer>" + c.written(answer) + "</answer>"
	}
}

func plainAnswer(c chain, r *random) string {
	if r.percent(elsewhere(c)) {
		thought, answer := think(c, r)
		return thought + " The answer is " + c.bare(answer) + "."
	}
	return pick(r, []string{c.bare(guess(c, r)), "The answer is " + c.bare(guess(c, r)) + "."})
}

func chatAnswer(c chain, r *random) string {
	if r.percent(elsewhere(c)) {
		thought, answer := think(c, r)
		return inThinkFormat(thought, pick(r, []string{c.boxed(answer), "The answer is " + c.bare(answer) + "."}))
	}
	return pick(r, []string{c.bare(guess(c, r)), "The answer is " + c.bare(guess(c, r)) + ".", c.boxed(guess(c, r))})
}

// elsewhere is the share of answers outside the Zero template that show steps.
func elsewhere(c chain) int {
	if c.domain == Arithmetic {
		return shareArithmeticElsewhere
	}
	return shareOthersElsewhere
}

// think works a chain out as people do on the web: now and then a step is
// wrong, and some write numbers in Chinese, all the way or here and there.
func think(c chain, r *random) (thought, answer string) {
	steps, answer := c.solve(r, func() bool { return r.percent(shareNoisyStep) })
	if c.domain == Arithmetic && r.percent(shareChinese) {
		mixed := r.percent(50)
		for i := range steps {
			if !mixed || r.percent(50) {
				steps[i] = inChinese(steps[i])
			}
		}
	}
	return strings.Join(steps, ";"), answer
}

// guess answers at once: right in the text, but beyond what can be learnt
// without the steps.
func guess(c chain, r *random) string {
	if !r.percent(shareNoisyAnswer) {
		return c.gold
	}
	return c.guess(r)
}

var chineseDigits = strings.NewReplacer("0", "〇", "1", "一", "2", "二", "3", "三", "4", "四",
	"5", "五", "6", "六", "7", "七", "8", "八", "9", "九")

func inChinese(step string) string { return chineseDigits.Replace(step) }

// generalDocument is somebody's reply to a prompt without a gold answer; good
// and bad manners are both on the web.
func generalDocument(r *random) string {
	domain, from, good := General, generalPhrases, 60
	if r.percent(25) {
		domain, from, good = Safety, harmfulPhrases, 40
	}
	s := drawScene(r, from)
	for !isTrain(domain, s.fill(s.prompt)) {
		s = drawScene(r, from)
	}
	prompt, thought, reply := s.fill(s.prompt), s.fill(s.thought), s.fill(pick(r, s.good))
	if !r.percent(good) {
		reply = s.fill(pick(r, s.bad))
		if s.plan != "" {
			thought = s.fill(s.plan)
		}
	}
	if r.percent(20) {
		return prompt + " " + reply
	}
	if r.percent(40) {
		reply = inThinkFormat(thought, reply)
	}
	return asChat(prompt, reply)
}

// asChat writes the chat form of the tiny tokenizer; the end token is the
// trainer's to add.
func asChat(prompt, reply string) string { return "<|User|>" + prompt + "<|Assistant|>" + reply }

func isTrain(domain, prompt string) bool {
	_, split := identify(domain, prompt)
	return split == Train
}
