"""Korean texts of the interface. Names in braces are filled in."""

from __future__ import annotations

KOREAN = {
    "action.back": "뒤로(&B)",
    "action.compare": "다른 아틀라스와 비교(&P)…",
    "action.comparison": "비교 화면(&C)",
    "action.escape": "필터 지우기(&C)",
    "action.find": "피처 찾기(&F)",
    "action.fit": "지도 전체 보기(&W)",
    "action.forward": "앞으로(&F)",
    "action.heat": "그림에 히트맵 표시(&H)",
    "action.next_pane": "다음 영역(&N)",
    "action.open": "열기(&O)…",
    "action.quit": "끝내기(&Q)",
    "action.reload": "파일 다시 읽기(&R)",
    "card.languages": "활성 언어: {languages}",
    "card.no_language": "없음",
    "card.no_picture": "그림 없음",
    "colour.firing_rate": "발화율",
    "colour.modality_score": "모달리티 점수",
    "colour.n_languages": "언어 수",
    "colour.shared": "공유 여부",
    "column.accessible": "{language} 캡션: {count}개",
    "column.no_name": "알맞은 이름 없음",
    "column.rate": "{rate:.2%}에서 발화",
    "column.rate_tip": "이 언어의 캡션 가운데 피처가 발화하는 비율입니다.",
    "column.silent": "발화하는 캡션이 없습니다.",
    "compare.accessible": "나란히 놓은 두 아틀라스",
    "compare.all": "SAE 전체",
    "compare.axis": "모달리티 점수: 피처의 에너지에서 그림이 차지하는 비율",
    "compare.bar_tip": (
        "{low:.2f}–{high:.2f}: 공유 {shared:,}개, 비공유 {not_shared:,}개, "
        "검정 불가 {untestable:,}개"
    ),
    "compare.bimodal": "양쪽 모두",
    "compare.colour_maps": "지도의 색 기준",
    "compare.name.alive": "살아 있음",
    "compare.name.features": "피처",
    "compare.name.shared": "공유",
    "compare.name.testable": "검정 가능",
    "compare.of": "{total:,}개 중 {count:,}개",
    "compare.of_alive": "살아 있는 {total:,}개 중 {count:,}개",
    "compare.open": "열기",
    "compare.open_tip": "이 아틀라스의 피처 살펴보기",
    "compare.share_axis": "살아 있는 피처 중",
    "compare.tip.alive": "그림이나 캡션에 발화하는 피처.",
    "compare.tip.features": "SAE의 잠재 변수.",
    "compare.tip.shared": (
        "언어의 70 % 이상에서 그림과 그 캡션에 함께 발화하는 피처: q <= 0.05, 효과의 하한 0.1 이상."
    ),
    "compare.tip.testable": (
        "충분히 많은 언어에서, 테스트의 그림 5개 이상과 캡션 5개 이상에 발화하는 피처."
    ),
    "compare.title": "비교할 아틀라스 고르기",
    "error.display": (
        "창을 띄울 디스플레이가 없습니다. DISPLAY를 설정하거나 --screenshot FILE.png로 "
        "그림을 저장하세요."
    ),
    "error.feature": "{file}에는 피처 {feature}이(가) 없습니다. 0에서 {last} 사이로 지정하세요.",
    "error.item": "{file}에는 아이템 {item!r}이(가) 없습니다. 들어 있는 아이템의 id를 지정하세요.",
    "error.libraries": "Qt에 {libraries}이(가) 필요합니다. 다음을 실행하세요: {mend}",
    "error.no_atlas": "--feature, --item, --beside에는 아틀라스가 필요합니다. 경로도 지정하세요.",
    "error.picture": "{file}을(를) 쓸 수 없습니다. 쓸 수 있는 폴더를 고르세요.",
    "error.qt": (
        "Qt를 불러올 수 없습니다({reason}). 다음을 실행하세요: pip install PySide6-Essentials"
    ),
    "error.read": "{file}을(를) 읽을 수 없습니다({reason}). 다시 복사하거나 만드세요.",
    "error.same": "{file}은(는) 이미 열려 있습니다. 비교할 다른 아틀라스를 고르세요.",
    "example.label": "{activation:.2f} · {split}",
    "item.both": "그림과 캡션 모두에 발화",
    "item.both_tip": "이 아이템의 그림과 캡션 모두에 발화하는 피처입니다.",
    "item.captions": "캡션",
    "item.concept": "개념: {concept}",
    "item.id": "아이템: {id}",
    "item.many_languages": "{count}개 언어, 최대 {activation:.1f}",
    "item.no_captions": "이 아이템에는 캡션이 없습니다.",
    "item.none": "없음.",
    "item.one_language": "{language} {activation:.2f}",
    "item.picture_activation": "그림 {activation:.2f}",
    "item.picture_only": "그림에만 발화",
    "item.picture_only_tip": "그림에 발화하고 어느 캡션에도 발화하지 않는 피처입니다.",
    "item.several": "그림 없이 여러 언어의 캡션에 발화",
    "item.several_tip": "두 언어 이상의 캡션에 발화하고 그림에는 발화하지 않는 피처입니다.",
    "item.single_only": "한 언어의 캡션에만 발화",
    "item.single_only_tip": "한 언어의 캡션에만 발화하는 피처입니다.",
    "item.split": "분할: {split}",
    "legend.image": "그림만",
    "legend.text": "캡션만",
    "list.accessible": "피처 표",
    "list.count": "피처 {total:,}개 중 {shown:,}개",
    "list.languages_accessible": "최소 언어 수",
    "list.languages_after": "개 언어에서 발화",
    "list.languages_before": "적어도",
    "list.search": "모든 언어의 이름에서 찾기",
    "list.search_tip": "어느 언어든 이름의 일부, 또는 #과 피처 번호를 입력하세요.",
    "list.shared_only": "공유 피처만",
    "list.shared_tip": "그림과 여러 언어가 공유하는 피처만 보입니다.",
    "map.accessible": "피처 지도",
    "map.colour_by": "색 기준",
    "map.fit": "전체 보기",
    "map.fit_tip": "지도 전체 보기 (Home)",
    "map.none": (
        "이 아틀라스에는 아직 지도가 없습니다.\n\n다음으로 만드세요: mmfeat map ATLAS\n"
        "그런 다음 F5를 누르세요."
    ),
    "menu.file": "파일(&F)",
    "menu.go": "이동(&G)",
    "menu.no_recent": "아직 없음",
    "menu.recent": "최근 파일 열기(&R)",
    "menu.view": "보기(&V)",
    "modality.image": "그림 {share:.0%}",
    "modality.silent": "발화하지 않음",
    "modality.text": "캡션 {share:.0%}",
    "modality.tip": (
        "활성값 제곱의 평균: 그림 {image:.3g}, 캡션 {text:.3g}(언어 평균). "
        "모달리티 점수 = 그림 / (그림 + 캡션)."
    ),
    "notice.close": "닫기",
    "notice.fonts": "다음 언어를 그릴 글꼴이 없습니다: {languages}. 설치할 패키지: {packages}",
    "number.energy_image": "에너지, 그림",
    "number.energy_image_tip": "그림에서 활성값 제곱의 평균.",
    "number.energy_text": "에너지, 캡션",
    "number.energy_text_tip": "캡션에서 활성값 제곱의 평균(언어 평균).",
    "number.firing_rate_image": "발화율, 그림",
    "number.firing_rate_image_tip": "발화하는 그림의 비율.",
    "number.firing_rate_text": "발화율, 캡션",
    "number.firing_rate_text_tip": "발화하는 캡션의 비율(언어 평균).",
    "number.max_activation_image": "최댓값, 그림",
    "number.max_activation_image_tip": "그림에서 가장 큰 활성값.",
    "number.max_activation_text": "최댓값, 캡션",
    "number.max_activation_text_tip": "캡션에서 가장 큰 활성값.",
    "number.modality_score": "모달리티 점수",
    "number.modality_score_tip": (
        "그림에서의 활성값 제곱 평균을 그림과 캡션의 합으로 나눈 값: 0은 캡션만, 1은 그림만."
    ),
    "number.n_languages": "언어 수",
    "number.n_languages_tip": "캡션 5개 이상에서 발화하는 언어의 수.",
    "number.n_shared_languages": "공유 언어 수",
    "number.n_shared_languages_tip": (
        "그림의 캡션에 유의하게, 하한 0.1 이상으로 발화하는 언어의 수."
    ),
    "number.shared_effect": "공유 효과",
    "number.shared_effect_tip": (
        "충분히 많은 언어에서, 그림이나 캡션에 발화할 때 짝에도 발화하는 비율의 95 % 하한."
    ),
    "number.shared_p": "공유 p",
    "number.shared_p_tip": (
        "캡션이 그림에 무작위로 붙었을 때, 충분히 많은 언어에서 이만큼 함께 발화할 확률."
    ),
    "number.shared_q": "공유 q",
    "number.shared_q_tip": "검정 가능한 피처에 대해 Benjamini-Hochberg로 보정한 값.",
    "open.all": "모든 파일",
    "open.filter": "아틀라스",
    "open.title": "아틀라스 열기",
    "page.band": "최댓값의 {low:.0%}–{high:.0%} ({count}개)",
    "page.bands": "모든 활성 수준의 그림",
    "page.bands_tip": "0과 최댓값 사이의 균등한 네 구간에서 무작위로 뽑았습니다.",
    "page.captions": "언어별 캡션",
    "page.captions_bands": "모든 수준",
    "page.captions_bands_tip": "균등한 네 활성 구간에서 무작위로 뽑았습니다.",
    "page.captions_top": "가장 강한 것",
    "page.cosine": "코사인 {cosine:.2f}",
    "page.feature_number": "피처 {feature}",
    "page.heat": "히트맵",
    "page.heat_tip": "그림의 패치별 활성값. 모두 같은 척도입니다.",
    "page.modality": "그림과 캡션의 비중(에너지)",
    "page.neighbours": "이웃(비슷한 방향)",
    "page.no_pictures": "발화하는 그림이 없습니다.",
    "page.numbers": "수치",
    "page.pictures": "활성값이 가장 큰 그림",
    "page.rates": "그림과 언어별 발화율",
    "rates.picture": "그림",
    "rates.pictures": "그림",
    "rates.tip": "{name}: {rate:.2%}에서 발화",
    "shared.not_shared": "비공유",
    "shared.shared": "공유",
    "shared.untestable": "검정 불가",
    "split.test": "테스트",
    "split.train": "학습",
    "status.counts": (
        "{file}  |  피처 {features:,}개 · 아이템 {items:,}개 · 언어 {languages}개  |  {source}"
    ),
    "status.opening": "{file} 여는 중 …",
    "table.feature": "번호",
    "table.feature_tip": "SAE에서 피처의 번호.",
    "table.firing_rate_image": "그림 발화",
    "table.firing_rate_image_tip": "발화하는(활성값 > 0) 그림의 비율.",
    "table.firing_rate_text": "글 발화",
    "table.firing_rate_text_tip": "발화하는(활성값 > 0) 캡션의 비율, 언어 평균.",
    "table.modality_score": "모달리티",
    "table.modality_score_tip": (
        "그림의 에너지 / (그림의 에너지 + 캡션의 에너지). 에너지는 활성값 제곱의 평균. "
        "0: 캡션만, 1: 그림만."
    ),
    "table.n_languages": "언어",
    "table.n_languages_tip": "캡션 5개 이상에서 발화하는 언어의 수.",
    "table.shared": "공유",
    "table.shared_q": "q",
    "table.shared_q_tip": (
        "공유에 대한 부분 결합 검정의 p를 검정 가능한 피처에 대해 Benjamini-Hochberg로 보정한 값."
    ),
    "table.shared_tip": (
        "언어의 70 % 이상에서 그림과 그 캡션에 함께 발화: q <= 0.05, 효과의 하한 0.1 이상."
    ),
    "table.title": "이름",
    "welcome.demo": "아틀라스가 없나요? 내장 데이터로 몇 분 안에 만들 수 있습니다:",
    "welcome.open": "아틀라스 열기…",
    "welcome.recent": "이전에 연 파일",
    "welcome.title": "아틀라스를 열어 피처를 살펴보세요",
    "welcome.what": (
        "아틀라스는 “mmfeat atlas”가 쓰는 파일로, 희소 오토인코더 하나의 피처에 대해 알려진 것을 "
        "모두 담고 있습니다. Ctrl+O를 누르거나 파일을 이 창에 끌어다 놓으세요."
    ),
}
