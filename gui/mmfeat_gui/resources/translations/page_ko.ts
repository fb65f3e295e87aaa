<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="ko_KR" sourcelanguage="en_US">
<context><name></name>
  <message id="column.no_name">
    <source>no good name</source>
    <translation>알맞은 이름 없음</translation>
  </message>
  <message id="column.rate">
    <source>fires on {rate:.2%}</source>
    <translation>{rate:.2%}에서 발화</translation>
  </message>
  <message id="column.rate_tip">
    <source>Share of the captions of this language on which the feature fires.</source>
    <translation>이 언어의 캡션 가운데 피처가 발화하는 비율입니다.</translation>
  </message>
  <message id="column.silent">
    <source>Fires on no caption.</source>
    <translation>발화하는 캡션이 없습니다.</translation>
  </message>
  <message id="item.both">
    <source>Fire for the picture and for captions</source>
    <translation>그림과 캡션 모두에 발화</translation>
  </message>
  <message id="item.both_tip">
    <source>Features that fire for the picture and for a caption of this item.</source>
    <translation>이 아이템의 그림과 캡션 모두에 발화하는 피처입니다.</translation>
  </message>
  <message id="item.captions">
    <source>Captions</source>
    <translation>캡션</translation>
  </message>
  <message id="item.concept">
    <source>concept: {concept}</source>
    <translation>개념: {concept}</translation>
  </message>
  <message id="item.id">
    <source>item: {id}</source>
    <translation>아이템: {id}</translation>
  </message>
  <message id="item.many_languages">
    <source>{count} lang., max {activation:.1f}</source>
    <translation>{count}개 언어, 최대 {activation:.1f}</translation>
  </message>
  <message id="item.no_captions">
    <source>This item has no captions.</source>
    <translation>이 아이템에는 캡션이 없습니다.</translation>
  </message>
  <message id="item.none">
    <source>None.</source>
    <translation>없음.</translation>
  </message>
  <message id="item.one_language">
    <source>{language} {activation:.2f}</source>
    <translation>{language} {activation:.2f}</translation>
  </message>
  <message id="item.picture_activation">
    <source>picture {activation:.2f}</source>
    <translation>그림 {activation:.2f}</translation>
  </message>
  <message id="item.picture_only">
    <source>Fire for the picture only</source>
    <translation>그림에만 발화</translation>
  </message>
  <message id="item.picture_only_tip">
    <source>Features that fire for the picture and for no caption.</source>
    <translation>그림에 발화하고 어느 캡션에도 발화하지 않는 피처입니다.</translation>
  </message>
  <message id="item.several">
    <source>Fire for captions in several languages, not for the picture</source>
    <translation>그림 없이 여러 언어의 캡션에 발화</translation>
  </message>
  <message id="item.several_tip">
    <source>Features that fire for captions of two languages or more.</source>
    <translation>두 언어 이상의 캡션에 발화하고 그림에는 발화하지 않는 피처입니다.</translation>
  </message>
  <message id="item.single_only">
    <source>Fire for captions in one language only</source>
    <translation>한 언어의 캡션에만 발화</translation>
  </message>
  <message id="item.single_only_tip">
    <source>Features that fire for captions of one language alone.</source>
    <translation>한 언어의 캡션에만 발화하는 피처입니다.</translation>
  </message>
  <message id="item.split">
    <source>split: {split}</source>
    <translation>분할: {split}</translation>
  </message>
  <message id="number.energy_image">
    <source>energy, pictures</source>
    <translation>에너지, 그림</translation>
  </message>
  <message id="number.energy_image_tip">
    <source>Mean squared activation on pictures.</source>
    <translation>그림에서 활성값 제곱의 평균.</translation>
  </message>
  <message id="number.energy_text">
    <source>energy, captions</source>
    <translation>에너지, 캡션</translation>
  </message>
  <message id="number.energy_text_tip">
    <source>Mean squared activation on captions, averaged over languages.</source>
    <translation>캡션에서 활성값 제곱의 평균(언어 평균).</translation>
  </message>
  <message id="number.firing_rate_image">
    <source>firing rate, pictures</source>
    <translation>발화율, 그림</translation>
  </message>
  <message id="number.firing_rate_image_tip">
    <source>Share of pictures on which it fires.</source>
    <translation>발화하는 그림의 비율.</translation>
  </message>
  <message id="number.firing_rate_text">
    <source>firing rate, captions</source>
    <translation>발화율, 캡션</translation>
  </message>
  <message id="number.firing_rate_text_tip">
    <source>Share of captions on which it fires, averaged over languages.</source>
    <translation>발화하는 캡션의 비율(언어 평균).</translation>
  </message>
  <message id="number.max_activation_image">
    <source>maximum, pictures</source>
    <translation>최댓값, 그림</translation>
  </message>
  <message id="number.max_activation_image_tip">
    <source>Largest activation on a picture.</source>
    <translation>그림에서 가장 큰 활성값.</translation>
  </message>
  <message id="number.max_activation_text">
    <source>maximum, captions</source>
    <translation>최댓값, 캡션</translation>
  </message>
  <message id="number.max_activation_text_tip">
    <source>Largest activation on a caption.</source>
    <translation>캡션에서 가장 큰 활성값.</translation>
  </message>
  <message id="number.modality_score">
    <source>modality score</source>
    <translation>모달리티 점수</translation>
  </message>
  <message id="number.modality_score_tip">
    <source>Mean squared activation on pictures, as a share of that on pictures and captions: 0 fires for captions only, 1 for pictures only.</source>
    <translation>그림에서의 활성값 제곱 평균을 그림과 캡션의 합으로 나눈 값: 0은 캡션만, 1은 그림만.</translation>
  </message>
  <message id="number.n_languages">
    <source>languages</source>
    <translation>언어 수</translation>
  </message>
  <message id="number.n_languages_tip">
    <source>Languages in which it fires on at least 5 captions.</source>
    <translation>캡션 5개 이상에서 발화하는 언어의 수.</translation>
  </message>
  <message id="number.n_shared_languages">
    <source>shared languages</source>
    <translation>공유 언어 수</translation>
  </message>
  <message id="number.n_shared_languages_tip">
    <source>Languages in which it fires on the captions of its pictures, significantly and with a lower bound of at least 0.1.</source>
    <translation>그림의 캡션에 유의하게, 하한 0.1 이상으로 발화하는 언어의 수.</translation>
  </message>
  <message id="number.shared_effect">
    <source>effect of sharing</source>
    <translation>공유 효과</translation>
  </message>
  <message id="number.shared_effect_tip">
    <source>In enough languages, fires for at least this share of partners when it fires for the picture or the caption: the lower 95 % bound.</source>
    <translation>충분히 많은 언어에서, 그림이나 캡션에 발화할 때 짝에도 발화하는 비율의 95 % 하한.</translation>
  </message>
  <message id="number.shared_p">
    <source>p of sharing</source>
    <translation>공유 p</translation>
  </message>
  <message id="number.shared_p_tip">
    <source>Probability of so much joint firing on pictures and their captions, in enough languages, if captions were assigned to pictures at random.</source>
    <translation>캡션이 그림에 무작위로 붙었을 때, 충분히 많은 언어에서 이만큼 함께 발화할 확률.</translation>
  </message>
  <message id="number.shared_q">
    <source>q of sharing</source>
    <translation>공유 q</translation>
  </message>
  <message id="number.shared_q_tip">
    <source>The same after Benjamini-Hochberg over testable features.</source>
    <translation>검정 가능한 피처에 대해 Benjamini-Hochberg로 보정한 값.</translation>
  </message>
  <message id="page.band">
    <source>{low:.0%}–{high:.0%} of the maximum ({count})</source>
    <translation>최댓값의 {low:.0%}–{high:.0%} ({count}개)</translation>
  </message>
  <message id="page.bands">
    <source>Pictures from all levels of activation</source>
    <translation>모든 활성 수준의 그림</translation>
  </message>
  <message id="page.bands_tip">
    <source>Drawn at random from four even bands between 0 and the maximum.</source>
    <translation>0과 최댓값 사이의 균등한 네 구간에서 무작위로 뽑았습니다.</translation>
  </message>
  <message id="page.captions">
    <source>Captions by language</source>
    <translation>언어별 캡션</translation>
  </message>
  <message id="page.captions_bands">
    <source>all levels</source>
    <translation>모든 수준</translation>
  </message>
  <message id="page.captions_bands_tip">
    <source>Drawn at random from four even bands of activation.</source>
    <translation>균등한 네 활성 구간에서 무작위로 뽑았습니다.</translation>
  </message>
  <message id="page.captions_top">
    <source>strongest</source>
    <translation>가장 강한 것</translation>
  </message>
  <message id="page.cosine">
    <source>cosine {cosine:.2f}</source>
    <translation>코사인 {cosine:.2f}</translation>
  </message>
  <message id="page.feature_number">
    <source>feature {feature}</source>
    <translation>피처 {feature}</translation>
  </message>
  <message id="page.heat">
    <source>heat maps</source>
    <translation>히트맵</translation>
  </message>
  <message id="page.heat_tip">
    <source>Activation on the patches of each picture; all share one scale.</source>
    <translation>그림의 패치별 활성값. 모두 같은 척도입니다.</translation>
  </message>
  <message id="page.modality">
    <source>Pictures against captions (energy)</source>
    <translation>그림과 캡션의 비중(에너지)</translation>
  </message>
  <message id="page.neighbours">
    <source>Neighbours (similar directions)</source>
    <translation>이웃(비슷한 방향)</translation>
  </message>
  <message id="page.no_pictures">
    <source>Fires for no picture.</source>
    <translation>발화하는 그림이 없습니다.</translation>
  </message>
  <message id="page.numbers">
    <source>Numbers</source>
    <translation>수치</translation>
  </message>
  <message id="page.pictures">
    <source>Pictures with the largest activations</source>
    <translation>활성값이 가장 큰 그림</translation>
  </message>
  <message id="page.rates">
    <source>Firing rate on pictures and in each language</source>
    <translation>그림과 언어별 발화율</translation>
  </message>
  <message id="rates.picture">
    <source>img</source>
    <translation>그림</translation>
  </message>
  <message id="rates.pictures">
    <source>Pictures</source>
    <translation>그림</translation>
  </message>
  <message id="rates.tip">
    <source>{name}: fires on {rate:.2%}</source>
    <translation>{name}: {rate:.2%}에서 발화</translation>
  </message>
  <message id="split.test">
    <source>test</source>
    <translation>테스트</translation>
  </message>
  <message id="split.train">
    <source>train</source>
    <translation>학습</translation>
  </message>
  <message id="action.bands">
    <source>Examples of all &amp;levels</source>
    <translation>모든 수준의 예(&amp;L)</translation>
  </message>
  <message id="action.same_items">
    <source>Captions of the same &amp;items side by side</source>
    <translation>같은 아이템의 캡션을 나란히(&amp;I)</translation>
  </message>
  <message id="action.unfold_all">
    <source>&amp;Unfold all sections</source>
    <translation>모든 절 펼치기(&amp;U)</translation>
  </message>
  <message id="action.fold_all">
    <source>&amp;Fold all sections</source>
    <translation>모든 절 접기(&amp;F)</translation>
  </message>
  <message id="page.rates_tip">
    <source>Share of the pooled rows of pictures, and of captions in each language, with an activation above 0.</source>
    <translation>그림, 그리고 언어별 캡션의 풀링된 행 가운데 활성값이 0보다 큰 비율입니다.</translation>
  </message>
  <message id="page.unfolded">
    <source>unfolded</source>
    <translation>펼침</translation>
  </message>
  <message id="page.folded">
    <source>folded</source>
    <translation>접힘</translation>
  </message>
  <message id="page.empty">
    <source>Choose a feature on the map or in the table, and its page is shown here.</source>
    <translation>지도나 표에서 피처를 고르면 여기에 그 페이지가 나타납니다.</translation>
  </message>
  <message id="page.brushed">
    <source>brushed</source>
    <translation>선택됨</translation>
  </message>
  <message id="page.verdict">
    <source>Whether it is shared</source>
    <translation>공유 여부</translation>
  </message>
  <message id="page.heat_key">
    <source>Heat maps: from 0 to {highest:.3g}</source>
    <translation>히트맵: 0에서 {highest:.3g}까지</translation>
  </message>
  <message id="page.heat_key_tip">
    <source>Colours of heat maps, from no activation to the feature's largest on any patch of the atlas.</source>
    <translation>히트맵의 색. 활성값 0에서 이 피처가 아틀라스의 패치에서 갖는 최댓값까지입니다.</translation>
  </message>
  <message id="page.captions_same">
    <source>same items</source>
    <translation>같은 아이템</translation>
  </message>
  <message id="page.captions_same_tip">
    <source>Captions of the same items side by side in all languages; the items on which the feature fires most, over pictures and languages.</source>
    <translation>같은 아이템의 캡션을 모든 언어로 나란히 보여 줍니다. 그림과 언어를 통틀어 피처가 가장 강하게 발화하는 아이템입니다.</translation>
  </message>
  <message id="page.captions_top_tip">
    <source>Pictures, and captions of each language, with the largest activations.</source>
    <translation>활성값이 가장 큰 그림과 언어별 캡션입니다.</translation>
  </message>
  <message id="page.languages">
    <source>languages: {count} of {total}</source>
    <translation>언어: {total}개 중 {count}개</translation>
  </message>
  <message id="page.languages_all">
    <source>All languages</source>
    <translation>모든 언어</translation>
  </message>
  <message id="page.languages_tip">
    <source>Which languages have a column.</source>
    <translation>열로 보여 줄 언어를 고릅니다.</translation>
  </message>
  <message id="page.activations">
    <source>Activations by modality and language</source>
    <translation>모달리티와 언어별 활성값</translation>
  </message>
  <message id="page.activations_tip">
    <source>How strongly it fires on pictures and on captions of each language, where it fires.</source>
    <translation>그림과 언어별 캡션에서 발화할 때 얼마나 강한지 보여 줍니다.</translation>
  </message>
  <message id="page.numbers_tip">
    <source>Each number tells its formula when you point at it or press Enter.</source>
    <translation>수치를 가리키거나 Enter를 누르면 공식이 나타납니다.</translation>
  </message>
  <message id="page.neighbours_tip">
    <source>Features with the most similar decoder rows.</source>
    <translation>디코더 방향이 가장 비슷한 피처입니다.</translation>
  </message>
  <message id="page.cosine_tip">
    <source>Cosine {cosine:.3f} of the unit decoder rows of the two features.</source>
    <translation>두 피처의 단위 디코더 벡터 사이의 코사인 {cosine:.3f}.</translation>
  </message>
  <message id="page.consistency">
    <source>Consistency: pictures and languages</source>
    <translation>일관성: 그림과 언어</translation>
  </message>
  <message id="page.consistency_tip">
    <source>Does it fire on the same concepts in pictures and in every language?</source>
    <translation>그림과 모든 언어에서 같은 개념에 발화하는지 보여 줍니다.</translation>
  </message>
  <message id="page.bridge">
    <source>Bridge partners</source>
    <translation>브리지 짝</translation>
  </message>
  <message id="page.bridge_tip">
    <source>Which features of captions go with this one on pictures, and the other way round: B = covariance of activations over true pairs x cosine of decoder rows.</source>
    <translation>그림에서 이 피처와 함께하는 캡션 쪽 피처, 그리고 그 반대. B = 실제 짝에서의 활성값 공분산 × 디코더 코사인.</translation>
  </message>
  <message id="page.names">
    <source>Names with evidence</source>
    <translation>이름과 근거</translation>
  </message>
  <message id="page.names_tip">
    <source>Names in every language, what speaks for each, and what it predicts on test concepts.</source>
    <translation>언어별 이름과 그 근거, 테스트 개념에서의 예측력입니다.</translation>
  </message>
  <message id="page.meaning">
    <source>Specificity: monosemanticity, purity, concepts</source>
    <translation>특이성: 단의성, 순도, 개념</translation>
  </message>
  <message id="page.meaning_tip">
    <source>How alike what it fires on is, and which attribute or concept it stands for.</source>
    <translation>발화하는 대상이 서로 얼마나 비슷한지, 어떤 속성이나 개념을 나타내는지 보여 줍니다.</translation>
  </message>
  <message id="page.splitting">
    <source>Splitting across sizes</source>
    <translation>크기에 따른 분화</translation>
  </message>
  <message id="page.splitting_tip">
    <source>Which features of smaller and larger SAEs it comes from and becomes, by mmfeat compare.</source>
    <translation>mmfeat compare가 찾은, 더 작은 SAE와 더 큰 SAE에서의 조상과 자손입니다.</translation>
  </message>
  <message id="page.probes">
    <source>Safety probes</source>
    <translation>안전성 탐침</translation>
  </message>
  <message id="page.probes_tip">
    <source>Categories that it tells best, by mmfeat probe.</source>
    <translation>mmfeat probe에서 이 피처가 가장 잘 가려내는 범주입니다.</translation>
  </message>
  <message id="page.names_table">
    <source>Names by language</source>
    <translation>언어별 이름</translation>
  </message>
  <message id="page.purity_table">
    <source>Purity by band of activation</source>
    <translation>활성 구간별 순도</translation>
  </message>
  <message id="page.labels_table">
    <source>Attributes and concepts</source>
    <translation>속성과 개념</translation>
  </message>
  <message id="page.neurons_table">
    <source>Best neurons</source>
    <translation>가장 가까운 뉴런</translation>
  </message>
  <message id="page.splitting_table">
    <source>Tree of splitting</source>
    <translation>분화 트리</translation>
  </message>
  <message id="page.probes_table">
    <source>Probes</source>
    <translation>탐침</translation>
  </message>
  <message id="column.grid">
    <source>Captions in columns by language: {captions} in {languages} languages. Arrow keys move, Enter opens the item.</source>
    <translation>언어별 캡션 열: {languages}개 언어, {captions}개. 화살표로 이동하고 Enter로 아이템을 엽니다.</translation>
  </message>
  <message id="column.not_here">
    <source>does not fire · {split}</source>
    <translation>발화하지 않음 · {split}</translation>
  </message>
  <message id="histogram.range">
    <source>From {low:.3g} to {high:.3g}: {count:,}</source>
    <translation>{low:.3g}부터 {high:.3g}까지: {count:,}개</translation>
  </message>
  <message id="histogram.tip">
    <source>Bars: share of the rows on which it fires, by activation; the line is the median. All columns have one scale. Drag over bars to brush their items; Shift adds, Alt takes away. With the keyboard, Shift and Ctrl with arrows move the ends of a range, and Enter brushes.</source>
    <translation>막대: 발화하는 행의 활성값별 비율, 선은 중앙값입니다. 모든 열의 척도가 같습니다. 막대 위를 끌면 해당 아이템이 선택되고, Shift는 추가, Alt는 제외합니다. 키보드로는 Shift 또는 Ctrl과 화살표 키로 범위의 양 끝을 옮기고 Enter로 선택합니다.</translation>
  </message>
  <message id="histogram.words">
    <source>{name}: fires on {firing:,} of {rows:,} ({rate:.2%}), median {median:.3g}, largest {largest:.3g}</source>
    <translation>{name}: {rows:,}개 중 {firing:,}개에서 발화({rate:.2%}), 중앙값 {median:.3g}, 최댓값 {largest:.3g}</translation>
  </message>
  <message id="consistency.note">
    <source>Jaccard of firing on test concepts, by pairs of columns; a dot: p ≤ 0.05 and lower bound ≥ 0.1.</source>
    <translation>테스트 개념에서 발화의 자카드 지수(열의 쌍별). 점: p ≤ 0.05이고 하한 ≥ 0.1.</translation>
  </message>
  <message id="consistency.matrix">
    <source>Consistency of pictures and languages</source>
    <translation>그림과 언어의 일관성</translation>
  </message>
  <message id="consistency.cell">
    <source>{one} and {other}: Jaccard {value}</source>
    <translation>{one}, {other}: 자카드 {value}</translation>
  </message>
  <message id="consistency.interval">
    <source>95 % bootstrap interval over concepts: {low} to {high}</source>
    <translation>개념에 대한 95 % 부트스트랩 구간: {low}~{high}</translation>
  </message>
  <message id="consistency.null">
    <source>exact p under random pairing: {p}</source>
    <translation>무작위 짝짓기에서의 정확한 p: {p}</translation>
  </message>
  <message id="consistency.bound">
    <source>lower 95 % bound of min(P(A given B), P(B given A)): {low}</source>
    <translation>min(P(A가 B일 때), P(B가 A일 때))의 95 % 하한: {low}</translation>
  </message>
  <message id="consistency.formula">
    <source>Jaccard = n_AB / (n_A + n_B − n_AB) over test concepts that have both; identical strings are left out between languages.</source>
    <translation>자카드 = n_AB / (n_A + n_B − n_AB), 둘 다 있는 테스트 개념 대상. 언어 사이에서 같은 문자열은 뺍니다.</translation>
  </message>
  <message id="bridge.image">
    <source>As pictures have it: partners among features of captions</source>
    <translation>그림 쪽: 캡션 피처 가운데 짝</translation>
  </message>
  <message id="bridge.text">
    <source>As captions have it: partners among features of pictures</source>
    <translation>캡션 쪽: 그림 피처 가운데 짝</translation>
  </message>
  <message id="bridge.none">
    <source>No feature fires together with it on a test pair.</source>
    <translation>테스트 짝에서 함께 발화하는 피처가 없습니다.</translation>
  </message>
  <message id="bridge.itself">
    <source>itself</source>
    <translation>자기 자신</translation>
  </message>
  <message id="bridge.detail">
    <source>B {value:.2g} · z {z}</source>
    <translation>B {value:.2g} · z {z}</translation>
  </message>
  <message id="bridge.tip">
    <source>B = {value:.3g}: covariance of the two activations over true pairs of a picture and its captions, times the cosine of the decoder rows. Null: with captions dealt at random the covariance has mean 0; z = {z} standard deviations, p = {p} (normal, one-sided).</source>
    <translation>B = {value:.3g}: 그림과 캡션의 실제 짝에서 두 활성값의 공분산에 디코더 코사인을 곱한 값. 귀무가설: 캡션을 무작위로 나누면 공분산의 평균은 0. z = {z} 표준편차, p = {p} (정규분포, 단측).</translation>
  </message>
  <message id="names.explained">
    <source>An explainer ({model}) calls it “{name}”, confidence {confidence}; specificity by band, 0 to 3: {rubric}.</source>
    <translation>설명 모델({model})의 이름: “{name}”, 확신도 {confidence}. 구간별 특이성(0~3): {rubric}.</translation>
  </message>
  <message id="names.language">
    <source>language</source>
    <translation>언어</translation>
  </message>
  <message id="names.name">
    <source>name</source>
    <translation>이름</translation>
  </message>
  <message id="names.score">
    <source>score</source>
    <translation>점수</translation>
  </message>
  <message id="names.score_tip">
    <source>(2 AUROC − 1) (3 + agreement) / 4, agreement the mean of 1 / rank over the three methods: 1 is a name that predicts without fault and that every method puts first.</source>
    <translation>(2 AUROC − 1)(3 + 일치도) / 4. 일치도는 세 방법의 1 / 순위 평균. 1은 완벽히 예측하고 모든 방법이 첫째로 꼽은 이름입니다.</translation>
  </message>
  <message id="names.auroc">
    <source>AUROC</source>
    <translation>AUROC</translation>
  </message>
  <message id="names.auroc_tip">
    <source>How well the cosine to the name tells train rows on which the feature fires from others; 0.5 is chance.</source>
    <translation>이름과의 코사인이 피처가 발화하는 학습 행을 얼마나 잘 가려내는지. 0.5는 우연 수준입니다.</translation>
  </message>
  <message id="names.nearest">
    <source>nearest</source>
    <translation>최근접</translation>
  </message>
  <message id="names.nearest_tip">
    <source>Cosine of the caption to the decoder row for captions, where this method proposed it.</source>
    <translation>캡션과 캡션용 디코더 방향의 코사인(이 방법이 제안한 경우).</translation>
  </message>
  <message id="names.dissect">
    <source>dissect</source>
    <translation>dissect</translation>
  </message>
  <message id="names.dissect_tip">
    <source>Soft-WPMI of CLIP-Dissect in nats, where this method proposed it.</source>
    <translation>CLIP-Dissect의 soft-WPMI(nat, 이 방법이 제안한 경우).</translation>
  </message>
  <message id="names.ngrams">
    <source>n-grams</source>
    <translation>n-그램</translation>
  </message>
  <message id="names.ngrams_tip">
    <source>z of weighted log-odds of the n-gram in captions on which it fires, where this method proposed it.</source>
    <translation>발화하는 캡션에서 n-그램의 가중 로그 오즈 z(이 방법이 제안한 경우).</translation>
  </message>
  <message id="names.auroc_image">
    <source>AUROC pictures</source>
    <translation>AUROC 그림</translation>
  </message>
  <message id="names.auroc_image_tip">
    <source>On test concepts: how well the best name predicts firing on pictures; 0.5 is chance.</source>
    <translation>테스트 개념에서 가장 좋은 이름이 그림 발화를 예측하는 정도. 0.5는 우연 수준입니다.</translation>
  </message>
  <message id="names.auroc_text">
    <source>AUROC captions</source>
    <translation>AUROC 캡션</translation>
  </message>
  <message id="names.auroc_text_tip">
    <source>The same for captions in the name's language.</source>
    <translation>이름의 언어로 된 캡션에서 같은 값입니다.</translation>
  </message>
  <message id="names.simulation_image">
    <source>r pictures</source>
    <translation>r 그림</translation>
  </message>
  <message id="names.simulation_image_tip">
    <source>Simulation score: Pearson's r of prediction and activation over all test pictures, silent ones included.</source>
    <translation>시뮬레이션 점수: 침묵한 것까지 모든 테스트 그림에서 예측과 활성값의 피어슨 상관.</translation>
  </message>
  <message id="names.simulation_text">
    <source>r captions</source>
    <translation>r 캡션</translation>
  </message>
  <message id="names.simulation_text_tip">
    <source>The same for captions in the name's language.</source>
    <translation>이름의 언어로 된 캡션에서 같은 값입니다.</translation>
  </message>
  <message id="purity.note">
    <source>Purity: share of test rows with the feature's value, by band of activation, in percent; base: of all test rows.</source>
    <translation>순도: 활성 구간별로 피처의 값을 갖는 테스트 행의 비율(%). 기준: 모든 테스트 행.</translation>
  </message>
  <message id="purity.stream">
    <source>on</source>
    <translation>대상</translation>
  </message>
  <message id="purity.image">
    <source>pictures</source>
    <translation>그림</translation>
  </message>
  <message id="purity.text">
    <source>captions</source>
    <translation>캡션</translation>
  </message>
  <message id="purity.value">
    <source>attribute and value</source>
    <translation>속성과 값</translation>
  </message>
  <message id="purity.value_tip">
    <source>The commonest value among train rows of the feature's highest band.</source>
    <translation>가장 높은 구간의 학습 행에서 가장 흔한 값입니다.</translation>
  </message>
  <message id="purity.base">
    <source>base %</source>
    <translation>기준 %</translation>
  </message>
  <message id="purity.base_tip">
    <source>Share of all test rows that have the value: what chance would give.</source>
    <translation>모든 테스트 행 가운데 그 값을 갖는 비율, 곧 우연 수준입니다.</translation>
  </message>
  <message id="purity.band0">
    <source>75–100 %</source>
    <translation>75–100 %</translation>
  </message>
  <message id="purity.band0_tip">
    <source>Share among test rows with activations in this part of (0, maximum]; a dash below 5 rows.</source>
    <translation>활성값이 (0, 최댓값]의 이 구간에 드는 테스트 행에서의 비율. 5행 미만이면 줄표.</translation>
  </message>
  <message id="purity.band1">
    <source>50–75 %</source>
    <translation>50–75 %</translation>
  </message>
  <message id="purity.band2">
    <source>25–50 %</source>
    <translation>25–50 %</translation>
  </message>
  <message id="purity.band3">
    <source>0–25 %</source>
    <translation>0–25 %</translation>
  </message>
  <message id="purity.monotone">
    <source>tau</source>
    <translation>타우</translation>
  </message>
  <message id="purity.monotone_tip">
    <source>Kendall's tau of share and band: 1 where every stronger band is purer.</source>
    <translation>비율과 구간의 켄달 타우. 1이면 강한 구간일수록 순도가 높습니다.</translation>
  </message>
  <message id="purity.tip">
    <source>{rows:,} test rows; purity 1 − H(attribute given band) / H(attribute) = {purity}</source>
    <translation>테스트 행 {rows:,}개. 순도 1 − H(구간 안의 속성) / H(속성) = {purity}</translation>
  </message>
  <message id="labels.note">
    <source>Attributes and concepts whose best feature this one is; bold: found by the bar of completeness.</source>
    <translation>이 피처가 가장 잘 나타내는 속성과 개념. 굵은 글씨: 완전성 기준을 통과함.</translation>
  </message>
  <message id="labels.label">
    <source>attribute or concept</source>
    <translation>속성 또는 개념</translation>
  </message>
  <message id="labels.column">
    <source>on</source>
    <translation>대상</translation>
  </message>
  <message id="labels.f1">
    <source>F1</source>
    <translation>F1</translation>
  </message>
  <message id="labels.f1_tip">
    <source>Of firing against having the label, on rows that did not choose the feature.</source>
    <translation>피처를 고르는 데 쓰지 않은 행에서, 발화와 레이블 사이의 F1.</translation>
  </message>
  <message id="labels.precision">
    <source>precision</source>
    <translation>정밀도</translation>
  </message>
  <message id="labels.recall">
    <source>recall</source>
    <translation>재현율</translation>
  </message>
  <message id="labels.p">
    <source>p</source>
    <translation>p</translation>
  </message>
  <message id="labels.p_tip">
    <source>Exact p of so much joint firing under random labels.</source>
    <translation>레이블이 무작위일 때 이만큼 함께 나타날 정확한 확률.</translation>
  </message>
  <message id="labels.q">
    <source>q</source>
    <translation>q</translation>
  </message>
  <message id="labels.q_tip">
    <source>The same after Benjamini-Hochberg.</source>
    <translation>Benjamini-Hochberg로 보정한 값.</translation>
  </message>
  <message id="neurons.note">
    <source>Best neurons: dimensions of the backbone that go with it most; above |r| = 0.3 it is partly a neuron.</source>
    <translation>가장 가까운 뉴런: 백본에서 가장 상관이 큰 차원. |r|이 0.3을 넘으면 일부는 뉴런입니다.</translation>
  </message>
  <message id="neurons.hook">
    <source>hook point</source>
    <translation>훅 지점</translation>
  </message>
  <message id="neurons.stream">
    <source>stream</source>
    <translation>스트림</translation>
  </message>
  <message id="neurons.neuron">
    <source>neuron</source>
    <translation>뉴런</translation>
  </message>
  <message id="neurons.r">
    <source>r</source>
    <translation>r</translation>
  </message>
  <message id="neurons.r_tip">
    <source>Pearson's r over all rows of the stream, silent ones included.</source>
    <translation>침묵한 것까지 스트림의 모든 행에서 피어슨 r.</translation>
  </message>
  <message id="splitting.note">
    <source>From the smallest SAE of the comparison to the largest; features of this atlas open with Enter or a click.</source>
    <translation>비교한 SAE 가운데 가장 작은 것부터 큰 것까지. 이 아틀라스의 피처는 Enter나 클릭으로 열립니다.</translation>
  </message>
  <message id="splitting.none">
    <source>No comparison beside this atlas has it in a chain of sizes; mmfeat compare writes one.</source>
    <translation>이 아틀라스 옆에 크기 사슬이 있는 비교 파일이 없습니다. mmfeat compare로 만들 수 있습니다.</translation>
  </message>
  <message id="splitting.feature">
    <source>feature</source>
    <translation>피처</translation>
  </message>
  <message id="splitting.size">
    <source>features of the SAE</source>
    <translation>SAE의 피처 수</translation>
  </message>
  <message id="splitting.cosine">
    <source>cosine</source>
    <translation>코사인</translation>
  </message>
  <message id="splitting.cosine_tip">
    <source>Of its decoder row with that of its parent; a parent has at least 0.5.</source>
    <translation>부모의 디코더 방향과의 코사인. 부모는 0.5 이상입니다.</translation>
  </message>
  <message id="splitting.contained">
    <source>contained</source>
    <translation>포함</translation>
  </message>
  <message id="splitting.contained_tip">
    <source>Share of its firings on which its parent fires, too; a parent has at least 0.5.</source>
    <translation>발화할 때 부모도 발화하는 비율. 부모는 0.5 이상입니다.</translation>
  </message>
  <message id="splitting.tip">
    <source>feature {feature} of {file}</source>
    <translation>{file}의 피처 {feature}</translation>
  </message>
  <message id="probes.caution">
    <source>A feature's existence is no evidence of behaviour: it may serve to recognise, describe or refuse a thing.</source>
    <translation>피처가 있다는 것이 행동의 증거는 아닙니다. 무언가를 알아보거나 묘사하거나 거부하는 데 쓰일 수도 있습니다.</translation>
  </message>
  <message id="probes.none">
    <source>It is among the best features of no category that was probed.</source>
    <translation>탐침한 어느 범주에서도 상위 피처가 아닙니다.</translation>
  </message>
  <message id="probes.unknown">
    <source>There is no report of mmfeat probe on this atlas beside it; mmfeat probe ATLAS --out probe.json writes one.</source>
    <translation>이 아틀라스 옆에 mmfeat probe 보고서가 없습니다. mmfeat probe ATLAS --out probe.json으로 만들 수 있습니다.</translation>
  </message>
  <message id="probes.category">
    <source>category</source>
    <translation>범주</translation>
  </message>
  <message id="probes.rank">
    <source>rank</source>
    <translation>순위</translation>
  </message>
  <message id="probes.score">
    <source>score</source>
    <translation>점수</translation>
  </message>
  <message id="probes.score_tip">
    <source>Mean AUROC of the languages, averaged with that of pictures.</source>
    <translation>언어별 AUROC의 평균과 그림 AUROC의 평균.</translation>
  </message>
  <message id="probes.languages">
    <source>AUROC texts</source>
    <translation>AUROC 텍스트</translation>
  </message>
  <message id="probes.languages_tip">
    <source>Mean over languages of P(activation on a positive &gt; on a negative) + half of P(equal); 0.5 is chance.</source>
    <translation>P(양성에서의 활성값 &gt; 음성에서의 활성값) + P(같음)/2의 언어 평균. 0.5는 우연 수준입니다.</translation>
  </message>
  <message id="probes.image">
    <source>AUROC pictures</source>
    <translation>AUROC 그림</translation>
  </message>
  <message id="probes.p">
    <source>p</source>
    <translation>p</translation>
  </message>
  <message id="probes.p_tip">
    <source>Of the difference of means under relabelling of things.</source>
    <translation>대상의 레이블을 바꾸어 붙였을 때 평균 차이의 p.</translation>
  </message>
  <message id="probes.q">
    <source>q</source>
    <translation>q</translation>
  </message>
  <message id="probes.q_tip">
    <source>After Benjamini-Hochberg over the features that fire on at least 5 things.</source>
    <translation>대상 5개 이상에서 발화하는 피처에 대해 Benjamini-Hochberg로 보정한 값.</translation>
  </message>
  <message id="probes.controls">
    <source>above controls</source>
    <translation>대조군 초과</translation>
  </message>
  <message id="probes.controls_tip">
    <source>Share of 100 features of like frequency whose ablation lowers the cosine of the positives to their texts by less.</source>
    <translation>빈도가 비슷한 피처 100개 가운데, 제거했을 때 양성과 텍스트의 코사인이 덜 떨어지는 비율.</translation>
  </message>
  <message id="item.picture">
    <source>Picture of the item</source>
    <translation>아이템의 그림</translation>
  </message>
  <message id="item.show">
    <source>Show where fires:</source>
    <translation>발화하는 곳 보기:</translation>
  </message>
  <message id="item.show_tip">
    <source>Heat map and shading of one feature. Pointing at a feature below shows it for a moment.</source>
    <translation>피처 하나의 히트맵과 음영을 보여 줍니다. 아래의 피처를 가리키면 잠시 그 피처를 보여 줍니다.</translation>
  </message>
  <message id="item.show_none">
    <source>no feature</source>
    <translation>피처 없음</translation>
  </message>
  <message id="item.on_item">
    <source>Feature {feature}: picture {picture:.2f}, fires on {count} of {captions} captions.</source>
    <translation>피처 {feature}: 그림 {picture:.2f}, 캡션 {captions}개 중 {count}개에서 발화.</translation>
  </message>
  <message id="item.silent">
    <source>does not fire</source>
    <translation>발화하지 않음</translation>
  </message>
  <message id="item.fires">
    <source>{activation:.2f}</source>
    <translation>{activation:.2f}</translation>
  </message>
  <message id="item.cards">
    <source>Captions in {languages} languages. Arrow keys move, Ctrl+C copies.</source>
    <translation>{languages}개 언어의 캡션. 화살표로 이동하고 Ctrl+C로 복사합니다.</translation>
  </message>
  <message id="item.brushed">
    <source> · {count} brushed</source>
    <translation> · {count}개 선택됨</translation>
  </message>
  <message id="number.monosemanticity_image">
    <source>monosemanticity, pictures</source>
    <translation>단의성, 그림</translation>
  </message>
  <message id="number.monosemanticity_image_tip">
    <source>Mean cosine of the embeddings of all pairs of test pictures on which it fires, weighted by activation; embeddings are centred, so that 0 is chance and 1 identical pictures.</source>
    <translation>발화하는 테스트 그림 쌍의 임베딩 코사인을 활성값으로 가중 평균한 값. 임베딩은 중심화되어 0은 우연, 1은 같은 그림입니다.</translation>
  </message>
  <message id="number.monosemanticity_text">
    <source>monosemanticity, captions</source>
    <translation>단의성, 캡션</translation>
  </message>
  <message id="number.monosemanticity_text_tip">
    <source>Mean cosine of the embeddings of all pairs of test captions on which it fires, weighted by activation; embeddings are centred, so that 0 is chance.</source>
    <translation>발화하는 테스트 캡션 쌍의 임베딩 코사인을 활성값으로 가중 평균한 값. 임베딩은 중심화되어 0은 우연입니다.</translation>
  </message>
  <message id="number.monosemanticity_across">
    <source>monosemanticity, across</source>
    <translation>단의성, 교차</translation>
  </message>
  <message id="number.monosemanticity_across_tip">
    <source>The same over all pairs of a picture and a caption. High within and low across: two concepts in one feature.</source>
    <translation>그림과 캡션의 모든 쌍에 대한 같은 값. 안에서 높고 교차에서 낮으면 한 피처에 두 개념이 있습니다.</translation>
  </message>
  <message id="number.monosemanticity_image_second">
    <source>monosemanticity, pictures, second encoder</source>
    <translation>단의성, 그림, 두 번째 인코더</translation>
  </message>
  <message id="number.monosemanticity_image_second_tip">
    <source>The same with embeddings of the pictures by another encoder.</source>
    <translation>다른 인코더의 그림 임베딩으로 구한 같은 값.</translation>
  </message>
  <message id="number.monosemanticity_text_second">
    <source>monosemanticity, captions, second encoder</source>
    <translation>단의성, 캡션, 두 번째 인코더</translation>
  </message>
  <message id="number.monosemanticity_text_second_tip">
    <source>The same over captions, each with the embedding of its item's picture by another encoder.</source>
    <translation>캡션마다 아이템 그림의 다른 인코더 임베딩을 써서 구한 같은 값.</translation>
  </message>
  <message id="number.monosemanticity_across_second">
    <source>monosemanticity, across, second encoder</source>
    <translation>단의성, 교차, 두 번째 인코더</translation>
  </message>
  <message id="number.monosemanticity_across_second_tip">
    <source>The same over pairs of a picture and a caption, by another encoder of pictures.</source>
    <translation>그림과 캡션의 쌍에 대해 다른 그림 인코더로 구한 같은 값.</translation>
  </message>
  <message id="number.interference_max">
    <source>interference, largest</source>
    <translation>간섭, 최대</translation>
  </message>
  <message id="number.interference_max_tip">
    <source>Largest |cosine| of its decoder row with that of another alive feature.</source>
    <translation>살아 있는 다른 피처의 디코더 방향과의 코사인 절댓값 중 최댓값.</translation>
  </message>
  <message id="number.interference_rms">
    <source>interference, RMS</source>
    <translation>간섭, RMS</translation>
  </message>
  <message id="number.interference_rms_tip">
    <source>Root mean square cosine of its decoder row with those of all other alive features; of random directions in d dimensions it is 1 / sqrt(d).</source>
    <translation>살아 있는 다른 모든 피처와의 코사인의 제곱평균제곱근. d차원의 무작위 방향이면 1 / sqrt(d)입니다.</translation>
  </message>
  <message id="number.linearity_image">
    <source>linearity, pictures</source>
    <translation>선형성, 그림</translation>
  </message>
  <message id="number.linearity_image_tip">
    <source>R^2 of its activation against the dose of its direction that is added to pictures.</source>
    <translation>그림에 그 방향을 더한 양에 대한 활성값의 R^2.</translation>
  </message>
  <message id="number.linearity_text">
    <source>linearity, captions</source>
    <translation>선형성, 캡션</translation>
  </message>
  <message id="number.linearity_text_tip">
    <source>R^2 of its activation against the dose of its direction that is added to captions.</source>
    <translation>캡션에 그 방향을 더한 양에 대한 활성값의 R^2.</translation>
  </message>
  <message id="number.patch_concentration">
    <source>concentration on patches</source>
    <translation>패치 집중도</translation>
  </message>
  <message id="number.patch_concentration_tip">
    <source>Mean share of its activation on a picture that falls on one patch, the strongest: 1 for one patch alone.</source>
    <translation>한 그림의 활성값 중 가장 강한 패치 하나에 떨어지는 비율의 평균. 1이면 한 패치뿐입니다.</translation>
  </message>
  <message id="number.patch_entropy">
    <source>spread over patches</source>
    <translation>패치 분산도</translation>
  </message>
  <message id="number.patch_entropy_tip">
    <source>Mean entropy of its activation over the patches of a picture, by the largest possible: 0 for one patch alone, 1 for all alike.</source>
    <translation>그림의 패치에 걸친 활성값 엔트로피를 최댓값으로 나눈 평균. 0은 한 패치, 1은 고르게 퍼짐.</translation>
  </message>
  <message id="number.token_concentration">
    <source>concentration on tokens</source>
    <translation>토큰 집중도</translation>
  </message>
  <message id="number.token_concentration_tip">
    <source>Mean share of its activation on a caption that falls on one token, the strongest: 1 for one token alone.</source>
    <translation>한 캡션의 활성값 중 가장 강한 토큰 하나에 떨어지는 비율의 평균. 1이면 한 토큰뿐입니다.</translation>
  </message>
  <message id="number.token_entropy">
    <source>spread over tokens</source>
    <translation>토큰 분산도</translation>
  </message>
  <message id="number.token_entropy_tip">
    <source>Mean entropy of its activation over the tokens of a caption, by the largest possible: 0 for one token alone, 1 for all alike.</source>
    <translation>캡션의 토큰에 걸친 활성값 엔트로피를 최댓값으로 나눈 평균. 0은 한 토큰, 1은 고르게 퍼짐.</translation>
  </message>
  <message id="number.mean_jaccard">
    <source>consistency of languages</source>
    <translation>언어 일관성</translation>
  </message>
  <message id="number.mean_jaccard_tip">
    <source>Mean Jaccard n_AB / (n_A + n_B - n_AB) of the test concepts whose captions it fires on in two languages, over all pairs of languages in which it fires; identical strings left out.</source>
    <translation>두 언어의 캡션에서 발화하는 테스트 개념의 자카드 n_AB / (n_A + n_B - n_AB)를 발화하는 모든 언어 쌍에 대해 평균한 값. 같은 문자열은 뺍니다.</translation>
  </message>
  <message id="number.mean_within_script">
    <source>consistency within a script</source>
    <translation>같은 문자 안의 일관성</translation>
  </message>
  <message id="number.mean_within_script_tip">
    <source>The same over pairs of languages written in one script. Far above that between scripts, it follows the spelling.</source>
    <translation>같은 문자를 쓰는 언어 쌍에 대한 같은 값. 문자 사이의 값보다 훨씬 크면 철자를 따릅니다.</translation>
  </message>
  <message id="number.mean_between_scripts">
    <source>consistency between scripts</source>
    <translation>문자 사이의 일관성</translation>
  </message>
  <message id="number.mean_between_scripts_tip">
    <source>The same over pairs of languages written in two scripts.</source>
    <translation>다른 문자를 쓰는 언어 쌍에 대한 같은 값.</translation>
  </message>
  <message id="number.consistent_pairs">
    <source>consistent pairs</source>
    <translation>일관된 쌍</translation>
  </message>
  <message id="number.consistent_pairs_tip">
    <source>Pairs of languages with an exact p &lt;= 0.05 under random pairing and a lower 95 % bound of min(P(A given B), P(B given A)) &gt;= 0.1; not corrected for the number of pairs.</source>
    <translation>무작위 짝짓기에서 정확한 p &lt;= 0.05이고 min(P(A가 B일 때), P(B가 A일 때))의 95 % 하한이 0.1 이상인 언어 쌍. 쌍의 수로 보정하지 않았습니다.</translation>
  </message>
  <message id="number.entropy">
    <source>language entropy</source>
    <translation>언어 엔트로피</translation>
  </message>
  <message id="number.entropy_tip">
    <source>H = -sum p log p in nats of its firing rates by language, divided by their sum.</source>
    <translation>언어별 발화율을 합으로 나눈 p에 대한 H = -sum p log p(nat).</translation>
  </message>
  <message id="number.relative_entropy">
    <source>relative language entropy</source>
    <translation>상대 언어 엔트로피</translation>
  </message>
  <message id="number.relative_entropy_tip">
    <source>Language entropy / log of the number of languages: 0 for one language, 1 for all alike.</source>
    <translation>언어 엔트로피 / 언어 수의 로그. 0은 한 언어, 1은 모두 같음.</translation>
  </message>
  <message id="undo.bands">
    <source>Examples of all levels</source>
    <translation>모든 수준의 예</translation>
  </message>
  <message id="undo.languages">
    <source>Columns of languages</source>
    <translation>언어 열</translation>
  </message>
  <message id="undo.unfolded">
    <source>Sections of the page</source>
    <translation>페이지의 절</translation>
  </message>
</context>
</TS>
