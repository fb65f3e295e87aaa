<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="ko_KR" sourcelanguage="en_US">
<context><name></name>
  <message id="action.steer_brushed">
    <source>Steer the &amp;selected features</source>
    <translation>선택한 피처 스티어링(&amp;S)</translation>
  </message>
  <message id="action.steer_feature">
    <source>Steer the &amp;feature shown</source>
    <translation>표시된 피처 스티어링(&amp;F)</translation>
  </message>
  <message id="panel.steer">
    <source>Steer</source>
    <translation>스티어링</translation>
  </message>
  <message id="steer.ablate">
    <source>set to 0</source>
    <translation>0으로 설정</translation>
  </message>
  <message id="steer.ablate_tip">
    <source>The features are silenced.</source>
    <translation>피처를 끕니다.</translation>
  </message>
  <message id="steer.add">
    <source>add to the activation</source>
    <translation>활성값에 더하기</translation>
  </message>
  <message id="steer.add_brushed">
    <source>＋ brushed</source>
    <translation>＋ 선택한 것</translation>
  </message>
  <message id="steer.add_brushed_tip">
    <source>Add the features selected on the map or in the table</source>
    <translation>지도나 표에서 선택한 피처 추가</translation>
  </message>
  <message id="steer.add_shown">
    <source>＋ shown</source>
    <translation>＋ 표시된 것</translation>
  </message>
  <message id="steer.add_shown_tip">
    <source>Add the feature whose page is shown</source>
    <translation>지금 표시된 피처 추가</translation>
  </message>
  <message id="steer.add_tip">
    <source>The same is added to the activation of each feature.</source>
    <translation>각 피처의 활성값에 같은 값을 더합니다.</translation>
  </message>
  <message id="steer.after">
    <source>After</source>
    <translation>이후</translation>
  </message>
  <message id="steer.all_languages">
    <source>Languages: all</source>
    <translation>언어: 전체</translation>
  </message>
  <message id="steer.amount">
    <source>Amount of the change</source>
    <translation>바꾸는 정도</translation>
  </message>
  <message id="steer.before">
    <source>Before</source>
    <translation>이전</translation>
  </message>
  <message id="steer.beyond">
    <source>→ beyond {seen}</source>
    <translation>→ {seen}위 밖</translation>
  </message>
  <message id="steer.change">
    <source>Change</source>
    <translation>변화</translation>
  </message>
  <message id="steer.clamp">
    <source>set to a multiple of the maximum</source>
    <translation>최댓값의 배수로 설정</translation>
  </message>
  <message id="steer.clamp_tip">
    <source>Each feature is set to so many times its largest activation in the atlas; past 10 models break.</source>
    <translation>각 피처를 아틀라스에서의 최대 활성값의 배수로 설정합니다. 10배를 넘으면 모델이 망가집니다.</translation>
  </message>
  <message id="steer.clear">
    <source>None</source>
    <translation>모두 빼기</translation>
  </message>
  <message id="steer.clear_tip">
    <source>Take all features away</source>
    <translation>피처 모두 빼기</translation>
  </message>
  <message id="steer.controls_tip">
    <source>▼ the change, ◇ the difference of means, ○ no change; each stroke is the same change of other features that fire as often.</source>
    <translation>▼ 변경, ◇ 평균의 차, ○ 변경 없음. 짧은 선은 비슷한 빈도로 발화하는 다른 피처를 똑같이 바꾼 결과입니다.</translation>
  </message>
  <message id="steer.cosine">
    <source>cosine {cosine:.3f}</source>
    <translation>코사인 {cosine:.3f}</translation>
  </message>
  <message id="steer.down">
    <source>▼ {by} (was {rank})</source>
    <translation>▼ {by} (이전 {rank}위)</translation>
  </message>
  <message id="steer.effect">
    <source>The test items on which the features fire most stood before {before:.1%} of the others, and stand before {after:.1%} now ({change:+.1f} points).</source>
    <translation>피처가 가장 강하게 발화하는 테스트 아이템은 나머지의 {before:.1%}보다 앞섰고, 이제 {after:.1%}보다 앞섭니다({change:+.1f}%p).</translation>
  </message>
  <message id="steer.features">
    <source>Features to change</source>
    <translation>바꿀 피처</translation>
  </message>
  <message id="steer.firing">
    <source>Features that fire on the query; a click adds one</source>
    <translation>질의에 발화하는 피처. 클릭하면 추가됩니다</translation>
  </message>
  <message id="steer.fires">
    <source>{activation:.2f} · {share:.0%} of max</source>
    <translation>{activation:.2f} · 최댓값의 {share:.0%}</translation>
  </message>
  <message id="steer.followed">
    <source>The log-probability of what is written before changes by {change:+.2f}, without a change by {noop:+.2f}; of {count} random features that fire as often, {exceeded:.0%} do less (p = {p:.3f}).</source>
    <translation>이전에 쓴 글의 로그 확률이 {change:+.2f}만큼 바뀝니다(변경이 없으면 {noop:+.2f}). 비슷한 빈도로 발화하는 무작위 피처 {count}개 가운데 {exceeded:.0%}가 이보다 약합니다(p = {p:.3f}).</translation>
  </message>
  <message id="steer.from">
    <source>Moved</source>
    <translation>이동</translation>
  </message>
  <message id="steer.hint">
    <source>Give a picture, text or item, and one or more features.</source>
    <translation>그림, 글 또는 아이템과 하나 이상의 피처를 넣으세요.</translation>
  </message>
  <message id="steer.hint_writes">
    <source>Write a prompt, choose one or more features, and press the button; a picture is optional.</source>
    <translation>프롬프트를 쓰고 하나 이상의 피처를 고른 뒤 단추를 누르세요. 그림은 없어도 됩니다.</translation>
  </message>
  <message id="steer.kind">
    <source>Kind of the change</source>
    <translation>바꾸는 방법</translation>
  </message>
  <message id="steer.languages">
    <source>Languages: {languages}</source>
    <translation>언어: {languages}</translation>
  </message>
  <message id="steer.languages_tip">
    <source>Captions that a picture is shown against; none chosen means all. A text is shown against pictures.</source>
    <translation>그림과 견줄 캡션의 언어입니다. 고르지 않으면 모든 언어입니다. 글은 그림과 견줍니다.</translation>
  </message>
  <message id="steer.means">
    <source>A step as long along the difference of means: {change:+.1f} points.</source>
    <translation>평균의 차를 따라 같은 길이만큼 옮기면 {change:+.1f}%p.</translation>
  </message>
  <message id="steer.new">
    <source>▲ from beyond {seen}</source>
    <translation>▲ {seen}위 밖에서</translation>
  </message>
  <message id="steer.no_brushed">
    <source>No features are selected; select some on the map or in the table.</source>
    <translation>선택한 피처가 없습니다. 지도나 표에서 선택하세요.</translation>
  </message>
  <message id="steer.no_concept">
    <source>No test item of this gallery has these features, so there is nothing to measure the effect by.</source>
    <translation>이 목록의 테스트 아이템 가운데 이 피처를 가진 것이 없어 효과를 잴 수 없습니다.</translation>
  </message>
  <message id="steer.no_feature">
    <source>No feature is shown; open the page of one first.</source>
    <translation>표시된 피처가 없습니다. 먼저 피처 페이지를 여세요.</translation>
  </message>
  <message id="steer.noop">
    <source>Without a change: {change:+.1f} points.</source>
    <translation>변경이 없으면 {change:+.1f}%p.</translation>
  </message>
  <message id="steer.now">
    <source>→ {rank}</source>
    <translation>→ {rank}위</translation>
  </message>
  <message id="steer.numbers">
    <source>Numbers of features, then Enter</source>
    <translation>피처 번호를 쓰고 Enter</translation>
  </message>
  <message id="steer.own">
    <source>Its own concept: rank {before:,} before, {after:,} after.</source>
    <translation>자기 개념의 순위: 이전 {before:,}위, 이후 {after:,}위.</translation>
  </message>
  <message id="steer.pictures">
    <source>Pictures</source>
    <translation>그림</translation>
  </message>
  <message id="steer.prompt">
    <source>A prompt for the model to answer</source>
    <translation>모델이 답할 프롬프트</translation>
  </message>
  <message id="steer.query">
    <source>Query</source>
    <translation>질의</translation>
  </message>
  <message id="steer.random">
    <source>Of {count} random features that fire as often, {exceeded:.0%} do less (p = {p:.3f}).</source>
    <translation>비슷한 빈도로 발화하는 무작위 피처 {count}개 가운데 {exceeded:.0%}가 이보다 약합니다(p = {p:.3f}).</translation>
  </message>
  <message id="steer.rank">
    <source>Rank</source>
    <translation>순위</translation>
  </message>
  <message id="steer.same">
    <source>＝ same rank</source>
    <translation>＝ 같은 순위</translation>
  </message>
  <message id="steer.table">
    <source>Results in {language}</source>
    <translation>{language} 결과</translation>
  </message>
  <message id="steer.text_noop">
    <source>Without a change</source>
    <translation>변경 없이</translation>
  </message>
  <message id="steer.text_random">
    <source>With a random feature that fires as often</source>
    <translation>비슷한 빈도로 발화하는 무작위 피처로</translation>
  </message>
  <message id="steer.times">
    <source> × max</source>
    <translation> × 최댓값</translation>
  </message>
  <message id="steer.to">
    <source>Goes to</source>
    <translation>이동한 곳</translation>
  </message>
  <message id="steer.token">
    <source>Token</source>
    <translation>토큰</translation>
  </message>
  <message id="steer.tokens">
    <source>Log-probability of each token</source>
    <translation>토큰별 로그 확률</translation>
  </message>
  <message id="steer.too_many">
    <source>{count:,} features are too many to change at a time; choose {most} at most.</source>
    <translation>한 번에 바꾸기에 피처 {count:,}개는 너무 많습니다. {most}개까지 고르세요.</translation>
  </message>
  <message id="steer.up">
    <source>▲ {by} (was {rank})</source>
    <translation>▲ {by} (이전 {rank}위)</translation>
  </message>
  <message id="steer.write">
    <source>Write before and after</source>
    <translation>이전과 이후 쓰기</translation>
  </message>
</context>
</TS>
