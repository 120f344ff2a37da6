//! What of a conversation is said again to a model: the latest of it, as far as a budget of tokens goes.

/// A question and its answer; an answer that failed is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    pub question: String,
    pub answer: String,
}

/// The latest turns that fit, in their order, and how many earlier ones were left out.
pub fn cut(turns: &[Turn], budget: usize) -> (&[Turn], usize) {
    let mut left = budget;
    let mut from = turns.len();
    for turn in turns.iter().rev() {
        let cost = tokens(&turn.question) + tokens(&turn.answer);
        if cost > left {
            break;
        }
        left -= cost;
        from -= 1;
    }
    (&turns[from..], from)
}

/// Tokens of a text, guessed too high rather than too low: no tokenizer of any model is asked.
pub fn tokens(text: &str) -> usize {
    let letters = text.chars().count();
    letters.div_ceil(3) + 4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_turns_fit_the_budget() {
        let turn = |n: usize| Turn {
            question: format!("question {n}"),
            answer: "x".repeat(90),
        };
        let turns: Vec<Turn> = (0..10).map(turn).collect();
        let (kept, left_out) = cut(&turns, 150);
        assert_eq!((kept.len(), left_out), (3, 7));
        assert_eq!(kept[2].question, "question 9");
        assert_eq!(cut(&turns, 0), (&[][..], 10));
        assert_eq!(cut(&turns, 100_000).1, 0);
    }
}
