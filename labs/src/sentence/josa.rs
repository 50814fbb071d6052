//! Korean particles after names: 브로커 1이, 브로커 2가.
//!
//! A particle's form depends on whether the word before it ends in a consonant. For Hangul that is in the letter
//! itself; digits are read aloud in Korean; for Latin names it is a guess from the last letter, which is right for
//! the names that labs use.

/// A particle that has two forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Josa {
    /// 은/는
    Topic,
    /// 이/가
    Subject,
    /// 을/를
    Object,
    /// 과/와
    And,
    /// 으로/로
    To,
}

/// The word with its particle.
pub fn josa(word: &str, particle: Josa) -> String {
    let ending = ending_of(word);
    let (after_consonant, after_vowel) = match particle {
        Josa::Topic => ("은", "는"),
        Josa::Subject => ("이", "가"),
        Josa::Object => ("을", "를"),
        Josa::And => ("과", "와"),
        Josa::To => ("으로", "로"),
    };
    // 로 follows ㄹ as it follows a vowel: 서울로.
    let consonant = match ending {
        Ending::Vowel => false,
        Ending::Rieul => particle != Josa::To,
        Ending::Consonant => true,
    };
    format!("{word}{}", if consonant { after_consonant } else { after_vowel })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    Vowel,
    Rieul,
    Consonant,
}

fn ending_of(word: &str) -> Ending {
    let mut backwards = word.chars().rev().skip_while(|letter| !letter.is_alphanumeric());
    let (last, before) = (backwards.next(), backwards.next().unwrap_or(' '));
    match last {
        Some(letter @ '가'..='힣') => match (letter as u32 - '가' as u32) % 28 {
            0 => Ending::Vowel,
            8 => Ending::Rieul,
            _ => Ending::Consonant,
        },
        // 일, 칠, 팔
        Some('1' | '7' | '8' | 'l' | 'L') => Ending::Rieul,
        // 영, 삼, 육
        Some('0' | '3' | '6' | 'm' | 'M' | 'n' | 'N') => Ending::Consonant,
        // 숍, 웹, 토픽, but 뱅크, 포스트 and the letter 비; 빌링, but 로그.
        Some('p' | 't' | 'k' | 'c' | 'b') if "aeiou".contains(before) => Ending::Consonant,
        Some('g') if before == 'n' => Ending::Consonant,
        _ => Ending::Vowel,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn particles_follow_the_sound() {
        assert_eq!(josa("브로커 1", Josa::Subject), "브로커 1이");
        assert_eq!(josa("브로커 2", Josa::Subject), "브로커 2가");
        assert_eq!(josa("브로커 3", Josa::Topic), "브로커 3은");
        assert_eq!(josa("orders-1", Josa::To), "orders-1로");
        assert_eq!(josa("orders-0", Josa::To), "orders-0으로");
        assert_eq!(josa("shop", Josa::Subject), "shop이");
        assert_eq!(josa("bank", Josa::Subject), "bank가");
        assert_eq!(josa("reader-b", Josa::Subject), "reader-b가");
        assert_eq!(josa("billing", Josa::Topic), "billing은");
        assert_eq!(josa("레코드", Josa::Object), "레코드를");
        assert_eq!(josa("\"주문\"", Josa::Object), "\"주문\"을");
    }
}
